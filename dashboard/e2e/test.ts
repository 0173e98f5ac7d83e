// What every test has: a demo home of its worker's own, and an ear for what the page complains of.

import { test as base, type ConsoleMessage, expect, type Page, type Request, type Response } from '@playwright/test';
import { learned, newPlace, type Place, readLog, removePlace, start } from './wattribute';

export { expect, type Page } from '@playwright/test';

interface OfWorker {
  /** A demo that has learned; tests leave it as they found it. */
  demo: Place;
}

interface OfTest {
  /** Whether complaints fail the test; not where something is meant to go wrong. */
  isCalm: boolean;
  /** What the page complained of so far. */
  complaints: string[];
}

export const test = base.extend<OfTest, OfWorker>({
  demo: [
    // biome-ignore lint/correctness/noEmptyPattern: Playwright reads the names of what is needed from here
    async ({}, use, worker) => {
      const place = await newPlace();
      const run = await start(place, ['demo']);
      await learned(place);
      await use(place);
      await run.stop();
      if (process.env.WATTRIBUTE_LOG) console.log(`worker ${worker.workerIndex}:\n${readLog(place)}`);
      removePlace(place);
    },
    { scope: 'worker', timeout: 120_000 },
  ],
  // A slash at its end, so that "#devices" is a page of it.
  baseURL: async ({ demo }, use) => use(`${demo.url}/`),
  isCalm: [true, { option: true }],
  complaints: [
    async ({ context, isCalm }, use) => {
      const complaints: string[] = [];
      context.on('page', (page) => listen(page, complaints));
      await use(complaints);
      if (isCalm) expect(complaints).toEqual([]);
    },
    { auto: true },
  ],
});

function listen(page: Page, complaints: string[]): void {
  page.on('console', (message: ConsoleMessage) => {
    if (message.type() === 'error' || message.type() === 'warning') complaints.push(`console: ${message.text()}`);
  });
  page.on('pageerror', (error) => complaints.push(`page: ${error.message}`));
  page.on('requestfailed', (request: Request) => {
    // Who goes to another page takes back what it asked for.
    const why = request.failure()?.errorText ?? '';
    if (why !== 'net::ERR_ABORTED') complaints.push(`${request.method()} ${request.url()}: ${why}`);
  });
  page.on('response', (response: Response) => {
    if (response.status() >= 400) complaints.push(`${response.url()}: ${response.status()}`);
  });
}

/** Waits until nothing that is seen is a skeleton any more; what lies below is asked for when one comes to it. */
export async function settled(page: Page): Promise<void> {
  await expect(page.locator('h1')).toBeVisible();
  const waiting = () =>
    page.locator('.skeleton, .loading-veil').evaluateAll((all) => {
      const boxes = all.map((one) => one.getBoundingClientRect());
      return boxes.filter((box) => box.bottom > 0 && box.top < window.innerHeight && box.height > 0).length;
    });
  await expect.poll(waiting, { message: 'skeletons', timeout: 30_000 }).toBe(0);
}

/** Opens a page of the dashboard and waits until it is drawn. */
export async function open(page: Page, hash: string): Promise<void> {
  await page.goto(hash === '' ? '' : `#${hash}`);
  await settled(page);
}

/** The card of that title. */
export function card(page: Page, title: string) {
  return page.getByRole('region', { name: title, exact: true });
}

/** The home's clock, whatever the browser's is. */
export function berlin(at: Date | number, options: Intl.DateTimeFormatOptions, locale = 'en-GB'): string {
  return new Intl.DateTimeFormat(locale, { timeZone: 'Europe/Berlin', ...options }).format(at);
}
