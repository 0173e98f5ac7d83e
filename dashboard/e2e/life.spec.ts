// The life of a user: nothing set up, then a home that is listened to, then devices that are learned. Nobody reloads.

import { card, expect, open, type Page, test } from './test';
import { newPlace, type Place, type Run, removePlace, start } from './wattribute';

async function within(play: (place: Place, runs: Run[]) => Promise<void>): Promise<void> {
  const place = await newPlace();
  const runs: Run[] = [];
  try {
    await play(place, runs);
  } finally {
    for (const run of runs) await run.stop();
    removePlace(place);
  }
}

test('who has set up nothing is told how to', async ({ page }) => {
  await within(async (place, runs) => {
    runs.push(await start(place, ['run']));
    await page.goto(`${place.url}/`);
    await expect(page.getByRole('heading', { level: 1 })).toHaveText('Know what every device draws');
    await expect(page.getByRole('main')).toContainText('HOME_ASSISTANT_URL');
    await expect(page.getByRole('main')).toContainText('HOME_ASSISTANT_TOKEN');
    await expect(page.getByRole('main')).toContainText('wattribute demo');
    await expect(page.getByText('Demo house')).toHaveCount(0);
    // What needs no source can be seen before.
    await page.getByRole('link', { name: 'Settings' }).first().click();
    await expect(page.getByRole('heading', { level: 1 })).toHaveText('Settings');
    await expect(page.getByRole('navigation', { name: 'Settings' })).toBeVisible();
  });
});

test('from an empty store to learned devices, on one page that nobody reloads', async ({ page }) => {
  test.setTimeout(180_000);
  await within(async (place, runs) => {
    // The services one by one, so that each state lasts until it was seen.
    runs.push(await start(place, ['data-api', '--demo']));
    await page.goto(`${place.url}/#energy`);
    await page.evaluate(() => Object.assign(window, { isSamePage: true }));
    await expect(page.getByRole('main')).toContainText('Waiting for a source');

    runs.push(await start(place, ['meter', '--demo'], 'METER'));
    await expect(page.getByRole('heading', { level: 1 })).toHaveText('Energy', { timeout: 60_000 });
    await expect(page.getByText('Demo house')).toBeVisible();
    await expect(page.getByText('Waiting for the meter')).toBeVisible();
    await expect(card(page, 'Current power')).toContainText('–');
    await expect(card(page, 'Top consumers')).toContainText('Nothing learned yet');
    await expect(card(page, 'Recent power changes')).toContainText('Waiting for your first events');

    runs.push(await start(place, ['correlator', '--demo'], 'CORRELATOR'));
    await expect(page.getByText(/^Live, /)).toBeVisible({ timeout: 60_000 });
    await expect(card(page, 'Current power')).toContainText(/\d\s*W/);
    await expect(card(page, 'Recent power changes').getByRole('row')).not.toHaveCount(0, { timeout: 60_000 });
    await expect(card(page, 'Top consumers')).toContainText('Heat pump', { timeout: 60_000 });
    await expect(card(page, 'Correlations found')).toContainText(/1\d devices learned/, { timeout: 60_000 });
    await expect(page.getByRole('img', { name: /^Power of the house.*most by/ })).toBeVisible({ timeout: 60_000 });

    await page.getByRole('link', { name: 'Devices', exact: true }).first().click();
    await expect(page.getByRole('link', { name: 'Kettle' })).toBeVisible();
    expect(await page.evaluate(() => 'isSamePage' in window)).toBe(true);
  });
});

test('figures move with the house, without anybody asking', async ({ page }) => {
  await open(page, 'energy');
  await expect(page.getByText(/^Live, /)).toBeVisible();
  const asked = await countRequests(page, '/api/v1/energy/current');
  // The meter of a still house says nothing for a minute or so.
  test.setTimeout(240_000);
  const power = card(page, 'Current power').locator('.big');
  const said = await power.textContent();
  await expect(power).not.toHaveText(said ?? '', { timeout: 180_000 });
  expect(asked()).toBe(0);
});

/** How many requests have gone there since. */
async function countRequests(page: Page, path: string): Promise<() => number> {
  let count = 0;
  page.on('request', (request) => {
    if (request.url().endsWith(path)) count += 1;
  });
  return () => count;
}
