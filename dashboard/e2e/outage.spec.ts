// Wattribute is gone, and comes back, under an open page.

import { card, expect, test } from './test';
import { learned, newPlace, removePlace, start } from './wattribute';

test.use({ isCalm: false });

test('a page that is open outlives the program: figures stay, a banner says so, and it goes on by itself', async ({
  page,
}) => {
  test.setTimeout(300_000);
  const place = await newPlace();
  let run = await start(place, ['demo']);
  try {
    await learned(place);
    await page.goto(`${place.url}/#energy`);
    const chart = page.getByRole('img', { name: /^Power of the house/ });
    await expect(chart).toBeVisible();
    await expect(page.getByText(/^Live, /)).toBeVisible();
    await page.evaluate(() => Object.assign(window, { isSamePage: true }));
    // The other pages are fetched a little later than the first.
    const fetched = () =>
      performance.getEntriesByType('resource').filter((one) => /assets\/page-.*\.js$/.test(one.name)).length;
    await expect.poll(() => page.evaluate(fetched)).toBeGreaterThanOrEqual(7);

    await run.kill();
    const banner = page.getByText('Wattribute has not answered since');
    await expect(banner).toBeVisible();
    await expect(page.getByText('Not connected')).toBeVisible();
    await expect(card(page, 'Current power')).toContainText(/\d\s*W/);
    await expect(chart).toBeVisible();
    await expect(card(page, 'Top consumers').getByRole('listitem').first()).toBeVisible();
    // A page that was not seen before says what is the matter.
    await page.getByRole('link', { name: 'Unknown loads' }).click();
    await expect(page.getByRole('heading', { name: 'Unknown loads', level: 1 })).toBeVisible();
    await expect(banner).toBeVisible();

    run = await start(place, ['demo']);
    await expect(banner).toHaveCount(0, { timeout: 30_000 });
    await expect(page.getByRole('alert')).toHaveCount(0, { timeout: 30_000 });
    await page
      .getByRole('link', { name: /^Energy/ })
      .first()
      .click();
    await expect(chart).toBeVisible();
    await expect(page.getByText(/^Live, /)).toBeVisible();
    const power = card(page, 'Current power').locator('.big');
    const said = await power.textContent();
    await expect(power).not.toHaveText(said ?? '', { timeout: 150_000 });
    expect(await page.evaluate(() => 'isSamePage' in window)).toBe(true);
  } finally {
    await run.kill();
    removePlace(place);
  }
});
