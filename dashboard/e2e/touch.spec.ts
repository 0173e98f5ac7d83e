// The chart under a finger, on a phone.

import { type CDPSession, devices } from '@playwright/test';
import { expect, open, type Page, test } from './test';

const { viewport, deviceScaleFactor, isMobile, hasTouch } = devices['iPhone 13'];
test.use({ viewport, deviceScaleFactor, isMobile, hasTouch });

const chart = (page: Page) => page.getByRole('img', { name: /^Power of the house/ });
const selection = (page: Page) => page.getByRole('region', { name: 'Selected stretch' });

interface Finger {
  session: CDPSession;
  /** Where the chart's middle is, and its width, px. */
  x: number;
  y: number;
  width: number;
}

async function finger(page: Page): Promise<Finger> {
  await open(page, 'energy');
  const over = chart(page).locator('.u-over');
  await over.evaluate((element) => element.scrollIntoView({ block: 'center' }));
  const box = await over.boundingBox();
  if (!box) throw new Error('no chart');
  const session = await page.context().newCDPSession(page);
  return { session, x: box.x + box.width / 2, y: box.y + box.height / 2, width: box.width };
}

/** Puts a finger down, moves it by so much in some steps, and lifts it. */
async function swipe({ session, x, y }: Finger, dx: number, dy: number): Promise<void> {
  const touch = (type: 'touchStart' | 'touchMove' | 'touchEnd', share: number) =>
    session.send('Input.dispatchTouchEvent', {
      type,
      touchPoints: type === 'touchEnd' ? [] : [{ x: x + dx * share, y: y + dy * share, id: 1 }],
    });
  await touch('touchStart', 0);
  for (let step = 1; step <= 8; step += 1) await touch('touchMove', step / 8);
  await touch('touchEnd', 1);
}

/** All is sent before any of it is waited for: a busy machine must not tear the taps apart. */
async function doubleTap({ session, x, y }: Finger): Promise<void> {
  const down = () => session.send('Input.dispatchTouchEvent', { type: 'touchStart', touchPoints: [{ x, y, id: 1 }] });
  const up = () => session.send('Input.dispatchTouchEvent', { type: 'touchEnd', touchPoints: [] });
  await Promise.all([down(), up(), down(), up()]);
}

test('a finger drawn sideways selects', async ({ page }) => {
  const one = await finger(page);
  await swipe(one, 0.3 * one.width, 2);
  await expect(selection(page)).toContainText(/\d(Wh|kWh)/);
  await expect(selection(page)).toContainText(/to [\d,]+ W, mean/);
});

test('a finger drawn upwards scrolls the page and selects nothing', async ({ page }) => {
  const one = await finger(page);
  const before = await page.evaluate(() => window.scrollY);
  await swipe(one, 4, -160);
  await expect.poll(() => page.evaluate(() => window.scrollY)).toBeGreaterThan(before + 50);
  await expect(selection(page)).toHaveCount(0);
});

test('a tap clears the selection, a double tap goes back to now', async ({ page }) => {
  const one = await finger(page);
  await swipe(one, 0.3 * one.width, 0);
  await expect(selection(page)).toBeVisible();
  await selection(page).getByRole('button', { name: 'Zoom in' }).click();
  const now = page.getByRole('button', { name: 'Now', exact: true });
  await expect(now).toBeVisible();
  await expect(async () => {
    const again = await finger(page);
    await doubleTap(again);
    await expect(now).toHaveCount(0, { timeout: 2_000 });
  }).toPass();
});

test('the tabs below lead everywhere', async ({ page }) => {
  await open(page, 'energy');
  const tabs = page.getByRole('navigation', { name: 'Main, below' });
  for (const name of ['Devices', 'Phantom', 'Costs', 'More']) {
    await tabs.getByRole('link', { name }).tap();
    await expect(tabs.getByRole('link', { name })).toHaveAttribute('aria-current', 'page');
  }
  for (const name of ['Unknown loads', 'Sources', 'Settings']) {
    await tabs.getByRole('link', { name: 'More' }).tap();
    await page.getByRole('main').getByRole('link', { name }).tap();
    await expect(page.getByRole('heading', { level: 1 })).toHaveText(name);
    await expect(tabs.getByRole('link', { name: 'More' })).toHaveAttribute('aria-current', 'page');
  }
});
