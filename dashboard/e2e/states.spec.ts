// What a page shows while it has nothing to show: it waits, it was refused, there is nothing yet.

import { ALL, PAGES } from './places';
import { expect, open, settled, test } from './test';
import { newPlace, type Place, type Run, removePlace, start } from './wattribute';

test.describe('waiting', () => {
  for (const { hash, title } of ALL) {
    test(`${hash} has its shape before its figures`, async ({ page }) => {
      let release = () => {};
      const held = new Promise<void>((done) => {
        release = done;
      });
      await page.route(/\/api\/v1\/(?!live)/, async (route) => {
        await held;
        await route.continue().catch(() => {});
      });
      await page.goto(`#${hash}`);
      await expect(page.locator('.skeleton').first()).toBeVisible();
      await expect(page.getByRole('alert')).toHaveCount(0);
      release();
      await settled(page);
      await expect(page.getByRole('heading', { level: 1 })).toHaveText(title);
    });
  }
});

test.describe('refused', () => {
  test.use({ isCalm: false });

  for (const { hash, title } of ALL) {
    test(`${hash} says why it cannot be shown, and tries again`, async ({ page }) => {
      const problem = { type: 'about:blank', title: 'Internal Server Error', status: 500, detail: 'the store is full' };
      await page.route(/\/api\/v1\/(?!live)|\/health$/, (route) =>
        route.fulfill({ status: 500, contentType: 'application/problem+json', body: JSON.stringify(problem) }),
      );
      await page.goto(`#${hash}`);
      const alert = page.getByRole('main').getByRole('alert').first();
      await expect(alert).toContainText('The store is full', { timeout: 30_000 });
      await page.unroute(/\/api\/v1\/(?!live)|\/health$/);
      // Each says it for itself; each is asked again by itself too.
      const again = page.getByRole('button', { name: 'Try again' });
      await expect(async () => {
        if ((await again.count()) > 0) await again.first().click({ timeout: 1_000 });
        await expect(page.getByRole('alert')).toHaveCount(0, { timeout: 1_000 });
      }).toPass();
      await settled(page);
      await expect(page.getByRole('heading', { level: 1 })).toHaveText(hash.includes('/') ? /./ : title);
    });
  }
});

test.describe('nothing yet', () => {
  let place: Place;
  let run: Run;
  test.beforeAll(async () => {
    // The pages without what fills the store: nobody listens, nobody learns.
    place = await newPlace();
    run = await start(place, ['data-api', '--demo']);
  });
  test.afterAll(async () => {
    await run.stop();
    removePlace(place);
  });

  // A source that is up and has said nothing; without one there is only how to set one up.
  test.beforeEach(({ page }) =>
    page.route(/\/api\/v1\/sources$/, async (route) => {
      const response = await route.fetch();
      const { sources: _, ...rest } = await response.json();
      const heard_at = new Date().toISOString();
      const source = {
        source: 'demo',
        title: 'Demo house',
        link: null,
        is_up: true,
        since: null,
        heard_at,
        last_at: null,
      };
      await route.fulfill({ json: { ...rest, sources: [{ ...source, series: 0, silent: 0, error: null }] } });
    }),
  );

  for (const { hash, title } of PAGES) {
    test(`${hash} of an empty store invents nothing`, async ({ page }) => {
      await page.goto(`${place.url}/#${hash}`);
      await settled(page);
      await expect(page.getByRole('heading', { level: 1 })).toHaveText(title);
      await expect(page.getByRole('alert')).toHaveCount(0);
      const text = await page.getByRole('main').innerText();
      expect(text).not.toMatch(/NaN|undefined|null|Infinity|Invalid/);
      // Figures of power, energy and money would be made up; a limit that is set is none.
      const figures = await page.locator('.figure .big').allInnerTexts();
      for (const figure of figures) expect(figure).toMatch(/^(–|0)/);
    });
  }

  test.describe('an address of nothing', () => {
    test.use({ isCalm: false });

    test('a device that nobody heard of is said to be unknown', async ({ page }) => {
      await page.goto(`${place.url}/#devices/light.nowhere`);
      await expect(page.getByRole('heading', { level: 1 })).toHaveText('No such device');
      await page.getByRole('main').getByRole('link', { name: 'See all devices' }).click();
      await expect(page.getByRole('heading', { level: 1 })).toHaveText('Devices');
    });
  });
});

test.describe('a bug', () => {
  test.use({ isCalm: false });

  test('in one page leaves the others', async ({ page }) => {
    await page.route(/\/api\/v1\/unknown-loads/, (route) => route.fulfill({ json: { unknown_loads: 'nonsense' } }));
    await open(page, 'unknown').catch(() => {});
    await expect(page.getByRole('alert')).toContainText('This page has a bug');
    await page.getByRole('link', { name: 'Devices', exact: true }).first().click();
    await expect(page.getByRole('heading', { level: 1 })).toHaveText('Devices');
  });
});
