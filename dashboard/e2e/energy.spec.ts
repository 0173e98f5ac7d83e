// The Energy page: its figures, its chart, and all that one can do with it by mouse and keys.

import { berlin, card, expect, open, type Page, test } from './test';

const HOUR_MS = 3_600_000;
const LENGTHS = [
  ['Hour', HOUR_MS],
  ['Day', 24 * HOUR_MS],
  ['Week', 7 * 24 * HOUR_MS],
  ['Month', 30 * 24 * HOUR_MS],
  ['Year', 365 * 24 * HOUR_MS],
] as const;

interface Attribution {
  total: { energy_kwh: number; cost: number; min_w: number; mean_w: number; max_w: number };
  devices: { name: string; energy_kwh: number }[];
}

const chart = (page: Page) => page.getByRole('img', { name: /^Power of the house/ });
const selection = (page: Page) => page.getByRole('region', { name: 'Selected stretch' });
const range = (page: Page, name: string) => page.getByRole('group', { name: 'How long' }).getByRole('button', { name });

/** Waits until the chart asks for a stretch of that length. */
function asksFor(page: Page, length_ms: number) {
  return page.waitForResponse((response) => {
    const url = new URL(response.url());
    if (!url.pathname.endsWith('/energy/attribution')) return false;
    const length = Date.parse(url.searchParams.get('to') ?? '') - Date.parse(url.searchParams.get('from') ?? '');
    return Math.abs(length - length_ms) < 0.05 * length_ms;
  });
}

/** Draws the mouse over a part of the chart's width. */
async function drag(page: Page, from: number, to: number): Promise<void> {
  const box = await chart(page).locator('.u-over').boundingBox();
  if (!box) throw new Error('no chart');
  const y = box.y + box.height / 2;
  await page.mouse.move(box.x + from * box.width, y);
  await page.mouse.down();
  await page.mouse.move(box.x + ((from + to) / 2) * box.width, y);
  await page.mouse.move(box.x + to * box.width, y);
  await page.mouse.up();
}

test.beforeEach(async ({ page }) => {
  await open(page, 'energy');
  await expect(chart(page)).toBeVisible();
});

test('four cards say what is, was, and was found', async ({ page }) => {
  await expect(card(page, 'Current power')).toContainText(
    /[\d,]+(\.\d)?\s*W.*(W known, .*W not|about all of it known)/s,
  );
  await expect(card(page, 'Today')).toContainText(/\d\s*(Wh|kWh).*€\d+\.\d\d/s);
  await expect(card(page, 'Peak, 24 h')).toContainText(/\d\s*W.*\d\d:\d\d/s);
  await expect(card(page, 'Correlations found')).toContainText(
    /\d+\s*in 24 h.*\d+ devices learned, \d+ cannot be told/s,
  );
});

test('times are those of the home, not of the browser', async ({ page }) => {
  const asked = page.waitForResponse(/\/energy\/statistics/);
  await page.reload();
  const { peak_time } = (await (await asked).json()) as { peak_time: string };
  const time = berlin(Date.parse(peak_time), { hour: '2-digit', minute: '2-digit' });
  await expect(card(page, 'Peak, 24 h')).toContainText(time);
});

test('a range is chosen by its button', async ({ page }) => {
  for (const [name, length_ms] of [...LENGTHS].reverse()) {
    const asked = asksFor(page, length_ms);
    await range(page, name).click();
    await asked;
    await expect(range(page, name)).toHaveAttribute('aria-pressed', 'true');
    await expect(page.getByRole('button', { pressed: true })).toHaveCount(1);
  }
});

test('a range is chosen by the keys 1 to 5', async ({ page }) => {
  for (const [index, [name, length_ms]] of [...LENGTHS.entries()].reverse()) {
    const asked = asksFor(page, length_ms);
    await page.keyboard.press(String(index + 1));
    await asked;
    await expect(range(page, name)).toHaveAttribute('aria-pressed', 'true');
  }
});

test('a view that ends now follows now', async ({ page }) => {
  await page.keyboard.press('1');
  const first = await asksFor(page, HOUR_MS);
  const later = await asksFor(page, HOUR_MS);
  const end = (url: string) => Date.parse(new URL(url).searchParams.get('to') ?? '');
  expect(end(later.url())).toBeGreaterThan(end(first.url()));
});

test('what is dragged over is told: energy, cost, least, mean, most, and what made it', async ({ page }) => {
  const asked = asksFor(page, 0.4 * 24 * HOUR_MS);
  await drag(page, 0.3, 0.7);
  const { total, devices } = (await (await asked).json()) as Attribution;
  const panel = selection(page);
  await expect(panel).toContainText(`${total.energy_kwh.toFixed(2)}kWh`);
  await expect(panel).toContainText(`€${total.cost.toFixed(2)}`);
  const whole = (power_w: number) => Math.round(power_w).toLocaleString('en-GB').replace('-', '−');
  await expect(panel).toContainText(`${whole(total.min_w)} to ${whole(total.max_w)} W, mean ${whole(total.mean_w)} W`);
  const made = devices.filter((device) => device.energy_kwh > 0);
  expect(made.length).toBeGreaterThan(2);
  for (const device of made) await expect(panel.getByRole('row', { name: device.name })).toBeVisible();
  await expect(panel.getByRole('row', { name: 'Not attributed' })).toBeVisible();
});

test('Esc clears a selection, a click beside it too', async ({ page }) => {
  for (const clear of [() => page.keyboard.press('Escape'), () => chart(page).locator('.u-over').click()]) {
    await drag(page, 0.1, 0.2);
    await expect(selection(page)).toBeVisible();
    await clear();
    await expect(selection(page)).toHaveCount(0);
    // Two clicks within a moment would be a double click.
    await page.keyboard.press('Escape');
  }
});

for (const way of ['Z', 'the button'] as const) {
  test(`${way} zooms into the selection; R goes back to now`, async ({ page }) => {
    await drag(page, 0.5, 0.6);
    await expect(selection(page)).toBeVisible();
    const zoomed = asksFor(page, 0.1 * 24 * HOUR_MS);
    if (way === 'Z') await page.keyboard.press('z');
    else await selection(page).getByRole('button', { name: 'Zoom in' }).click();
    await zoomed;
    await expect(selection(page)).toHaveCount(0);
    await expect(page.getByRole('button', { pressed: true })).toHaveCount(0);
    const back = asksFor(page, 24 * HOUR_MS);
    await page.keyboard.press('r');
    await back;
    await expect(range(page, 'Day')).toHaveAttribute('aria-pressed', 'true');
  });
}

test('a double click goes back to now', async ({ page }) => {
  await drag(page, 0.5, 0.6);
  await page.keyboard.press('z');
  await expect(page.getByRole('button', { name: 'Now' })).toBeVisible();
  await chart(page).locator('.u-over').dblclick();
  await expect(range(page, 'Day')).toHaveAttribute('aria-pressed', 'true');
  await expect(page.getByRole('button', { name: 'Now' })).toHaveCount(0);
});

test('the arrow keys go earlier and later, and never past now', async ({ page }) => {
  const later = page.getByRole('button', { name: 'Later' });
  await expect(later).toBeDisabled();
  const was = await chart(page).getAttribute('aria-label');
  await page.keyboard.press('ArrowLeft');
  await expect(later).toBeEnabled();
  await expect(chart(page)).not.toHaveAttribute('aria-label', was ?? '');
  await page.keyboard.press('ArrowRight');
  await expect(later).toBeDisabled();
  await page.keyboard.press('ArrowRight');
  await expect(later).toBeDisabled();
});

test('? shows the keys, Esc closes them', async ({ page }) => {
  await page.keyboard.press('?');
  const keys = page.getByRole('dialog', { name: 'Keys' });
  await expect(keys).toBeVisible();
  await expect(keys).toContainText('zoom into the selection');
  await page.keyboard.press('Escape');
  await expect(keys).toHaveCount(0);
});

test('keys mean nothing while somebody types, nor with Ctrl', async ({ page }) => {
  await page.getByText('Select by time').click();
  await page.getByLabel('From').focus();
  for (const key of ['5', 'r', '?']) await page.keyboard.press(key);
  await expect(range(page, 'Day')).toHaveAttribute('aria-pressed', 'true');
  await expect(page.getByRole('dialog')).toHaveCount(0);
  await page.getByRole('heading', { level: 1 }).click();
  await page.keyboard.press('Control+3');
  await expect(range(page, 'Day')).toHaveAttribute('aria-pressed', 'true');
});

test('a stretch is selected by its times with nothing but keys', async ({ page }) => {
  const summary = page.locator('summary', { hasText: 'Select by time' });
  await summary.focus();
  await page.keyboard.press('Enter');
  await page.keyboard.press('Tab');
  await expect(page.getByLabel('From')).toBeFocused();
  await page.getByLabel('Until').focus();
  const until = await page.getByLabel('Until').inputValue();
  // Day and month come first, in either order; then the year.
  await page.keyboard.press('Tab');
  await page.keyboard.press('Tab');
  await page.keyboard.press('ArrowDown');
  await expect(page.getByLabel('Until')).toHaveValue(`${Number(until.slice(0, 4)) - 1}${until.slice(4)}`);
  await page.keyboard.press('Enter');
  await expect(page.getByRole('alert')).toHaveText('The end must be after the beginning.');
  await page.keyboard.press('ArrowUp');
  await page.keyboard.press('Enter');
  await expect(page.getByRole('alert')).toHaveCount(0);
  await expect(selection(page)).toContainText(/\d(Wh|kWh)/);
  expect(until.slice(-5)).toMatch(/^\d\d:\d\d$/);
});

test('the figures of the chart stand in tables beside it', async ({ page }) => {
  await page.getByText('Show as tables').click();
  const devices = page.getByRole('table', { name: 'Energy by device' });
  await expect(devices.getByRole('row', { name: /^House / })).toContainText(/kWh.*€/);
  const times = page.getByRole('table', { name: 'Power of the house over time' });
  await expect(times.getByRole('row')).not.toHaveCount(1);
  await expect(times.getByRole('row').nth(1)).toContainText(/\d\d:\d\d to \d\d:\d\d/);
});

test('what the pointer is on is told', async ({ page }) => {
  await chart(page).locator('.u-over').hover();
  await expect(page.locator('.tip')).toContainText(/House.*W.*Not attributed.*W/s);
  await page.mouse.move(0, 0);
  await expect(page.locator('.tip')).toHaveCount(0);
});

test('a consumer, a step and a colour lead to their device', async ({ page }) => {
  for (const title of ['Top consumers', 'Recent power changes', 'Where it goes']) {
    await page.goto('#energy');
    const link = card(page, title).locator('a[href^="#devices/"]').first();
    const name = await link.textContent();
    await link.click();
    await expect(page.getByRole('heading', { level: 1 })).toHaveText(name ?? '');
  }
});

test('so far: today, this week, this month and in all', async ({ page }) => {
  for (const name of ['Today', 'This week', 'This month', 'In all']) {
    await expect(card(page, 'So far').getByRole('row', { name })).toContainText(/\d kWh\s*€\d/);
  }
});
