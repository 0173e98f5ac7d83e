// What a person waits for: first paint, an answer to a click while live data flows, a year and a zoom into it. Prints tables.

import { execFileSync } from 'node:child_process';
import { copyFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Page } from '@playwright/test';
import { expect, test } from './test';
import { newPlace, removePlace, start } from './wattribute';

const LOADS = 7;
const FLOW_MS = 30_000;
const SIZE = { viewport: { width: 1440, height: 1000 } };

interface Noted {
  fcp: number;
  lcp: number;
  chart: number;
  /** When a key was pressed last. */
  key: number;
  /** Longest task of the main thread since it was last asked, ms. */
  longest: number;
  /** The slowest event of each interaction, ms, by its id. */
  interactions: Record<number, number>;
}

declare global {
  interface Window {
    noted: Noted;
  }
}

/** Notes what the browser tells of itself; runs before the page's own scripts. */
function note(): void {
  const noted: Noted = { fcp: 0, lcp: 0, chart: 0, key: 0, longest: 0, interactions: {} };
  window.noted = noted;
  const observe = (type: string, take: (entry: PerformanceEntry) => void, more: object = {}) =>
    new PerformanceObserver((list) => list.getEntries().forEach(take)).observe({ type, buffered: true, ...more });
  observe('paint', (entry) => {
    if (entry.name === 'first-contentful-paint') noted.fcp = entry.startTime;
  });
  observe('largest-contentful-paint', (entry) => {
    noted.lcp = entry.startTime;
  });
  observe('longtask', (entry) => {
    noted.longest = Math.max(noted.longest, entry.duration);
  });
  observe(
    'event',
    (entry) => {
      const { interactionId, duration } = entry as PerformanceEventTiming;
      if (interactionId) noted.interactions[interactionId] = Math.max(noted.interactions[interactionId] ?? 0, duration);
    },
    { durationThreshold: 16 },
  );
  const look = () => {
    if (document.querySelector('.time-chart canvas')) requestAnimationFrame(() => (noted.chart = performance.now()));
    else requestAnimationFrame(look);
  };
  look();
}

const at = (values: readonly number[], share: number) => {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? Number.NaN;
};
const ms = (value: number) => `${value.toFixed(0)} ms`.padStart(9);

test.skip(!process.env.WATTRIBUTE_BENCH, 'measured only where asked for');

test('first paint', async ({ browser, demo }) => {
  test.setTimeout(180_000);
  const found: Noted[] = [];
  for (let load = 0; load < LOADS; load += 1) {
    const context = await browser.newContext(SIZE);
    const page = await context.newPage();
    await page.addInitScript(note);
    await page.goto(`${demo.url}/#energy`);
    await expect.poll(() => page.evaluate(() => window.noted.chart)).toBeGreaterThan(0);
    await page.waitForLoadState('networkidle', { timeout: 2_000 }).catch(() => {});
    found.push(await page.evaluate(() => window.noted));
    await context.close();
  }
  console.log(`\n${LOADS} cold loads${' '.repeat(22)}median  slowest`);
  for (const [name, key] of [
    ['first contentful paint', 'fcp'],
    ['largest contentful paint', 'lcp'],
    ['chart drawn', 'chart'],
    ['longest task', 'longest'],
  ] as const) {
    const values = found.map((one) => one[key]);
    console.log(`${name.padEnd(32)}${ms(at(values, 0.5))}${ms(Math.max(...values))}`);
  }
});

test('interaction delay while live data flows', async ({ browser, demo }) => {
  test.setTimeout(180_000);
  const context = await browser.newContext(SIZE);
  const page = await context.newPage();
  await page.addInitScript(note);
  await page.goto(`${demo.url}/#energy`);
  await expect.poll(() => page.evaluate(() => window.noted.chart)).toBeGreaterThan(0);
  const ranges = page.getByRole('group', { name: 'How long' }).getByRole('button');
  const does: (() => Promise<void>)[] = [
    ...['1', '2', 'ArrowLeft', 'ArrowRight', '3', '4', 'r', '5'].map((key) => () => page.keyboard.press(key)),
    ...[0, 1, 2, 3, 4].map((index) => () => ranges.nth(index).click()),
    () => page.getByRole('button', { name: 'Earlier' }).click(),
    () => page.keyboard.press('r'),
  ];
  const end_ms = Date.now() + FLOW_MS;
  let done = 0;
  for (; Date.now() < end_ms; done += 1) {
    await does[done % does.length]?.();
    // As quick as a hurried person.
    await page.waitForTimeout(250);
  }
  const { interactions, longest } = await page.evaluate(() => window.noted);
  // Quicker ones than 16 ms are not told of by the browser.
  const told = Object.values(interactions);
  const all = [...told, ...Array.from({ length: Math.max(0, done - told.length) }, () => 16)];
  console.log(`\n${done} clicks and keys in ${FLOW_MS / 1000} s of live data`);
  for (const [name, value] of [
    ['median', at(all, 0.5)],
    ['p98', at(all, 0.98)],
    ['slowest', Math.max(...all)],
    ['longest task', longest],
  ] as const) {
    console.log(`${name.padEnd(32)}${ms(value)}`);
  }
  await context.close();
});

test('a year of 5 s data, and a zoom into it', async ({ browser }) => {
  const maker = process.env.WATTRIBUTE_YEAR;
  test.skip(!maker, 'WATTRIBUTE_YEAR names the built example `year` of the store');
  test.setTimeout(1_200_000);
  const place = await newPlace();
  const store = join(place.folder, 'year.db');
  // It takes minutes to write: one that was kept can be named.
  if (process.env.WATTRIBUTE_YEAR_STORE) copyFileSync(process.env.WATTRIBUTE_YEAR_STORE, store);
  else execFileSync(maker ?? '', [store, String(Date.now())], { stdio: 'inherit' });
  Object.assign(place.env, { WATTRIBUTE__STORE__URL: `sqlite:${store}`, WATTRIBUTE__DATA_DIR: place.folder });
  const run = await start(place, ['data-api']);
  try {
    const context = await browser.newContext(SIZE);
    const page = await context.newPage();
    await page.addInitScript(note);
    await page.goto(`${place.url}/#energy`);
    await expect.poll(() => page.evaluate(() => window.noted.chart)).toBeGreaterThan(0);
    const rows: [string, Drawn][] = [];
    for (let round = 0; round < 3; round += 1) {
      rows.push(['a day to the year', await timed(page, '5')]);
      await select(page, 0.5, 0.5 + 30 / 365);
      rows.push(['the year to a month', await timed(page, 'z')]);
      await select(page, 0.5, 0.5 + 1 / 30);
      rows.push(['a month to a day', await timed(page, 'z')]);
      await page.keyboard.press('2');
      await timed(page, 'r');
    }
    console.log(`\n${'zoom, a year of 100 series'.padEnd(32)}    drawn   server  longest task`);
    for (const [name, { drawn, server, longest }] of rows) {
      console.log(`${name.padEnd(32)}${ms(drawn)}${ms(server)}${longest ? ms(longest) : '  < 50 ms'}`);
    }
    await context.close();
  } finally {
    await run.stop();
    removePlace(place);
  }
});

interface Drawn {
  /** From the key to the picture. */
  drawn: number;
  /** Of it, what the server took. */
  server: number;
  longest: number;
}

/** Presses a key and waits until what it asks for is drawn. */
async function timed(page: Page, key: string): Promise<Drawn> {
  const chart = page.locator('.time-chart');
  const before = await chart.getAttribute('aria-label');
  await page.evaluate(() => {
    window.noted.longest = 0;
    performance.clearResourceTimings();
    const take = (event: KeyboardEvent) => {
      window.noted.key = event.timeStamp;
    };
    window.addEventListener('keydown', take, { once: true, capture: true });
  });
  await page.keyboard.press(key);
  return chart.evaluate(async (drawn, label) => {
    const frame = () => new Promise(requestAnimationFrame);
    const end = performance.now() + 60_000;
    // The chart may be another one by now; its sentence says what it shows.
    const shown = () => document.querySelector('.time-chart')?.getAttribute('aria-label') ?? drawn.ariaLabel;
    while (shown() === label || document.querySelector('.loading-veil')) {
      if (performance.now() > end) throw new Error('it was not drawn');
      await frame();
    }
    await frame();
    const took = performance.now() - window.noted.key;
    const asked = performance.getEntriesByType('resource').filter((one) => one.name.includes('/energy/attribution'));
    // Long tasks are told after the fact.
    await new Promise((done) => setTimeout(done, 200));
    return { drawn: took, server: Math.max(0, ...asked.map((one) => one.duration)), longest: window.noted.longest };
  }, before);
}

async function select(page: Page, from: number, to: number): Promise<void> {
  const box = await page.locator('.time-chart .u-over').boundingBox();
  if (!box) throw new Error('no chart');
  const y = box.y + box.height / 2;
  await page.mouse.move(box.x + from * box.width, y);
  await page.mouse.down();
  await page.mouse.move(box.x + to * box.width, y, { steps: 3 });
  await page.mouse.up();
  await expect(page.getByRole('region', { name: 'Selected stretch' })).toBeVisible();
}
