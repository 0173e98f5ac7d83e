// Pictures of the pages: at the sizes of a phone, a tablet and a desktop, dark and light.

import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Browser, Request } from '@playwright/test';
import { expect, settled } from './test';

export const SIZES = {
  phone: { viewport: { width: 390, height: 844 }, deviceScaleFactor: 2 },
  tablet: { viewport: { width: 1024, height: 768 }, deviceScaleFactor: 1 },
  desktop: { viewport: { width: 1440, height: 1000 }, deviceScaleFactor: 1 },
} as const;

export interface Picture {
  file: string;
  hash: string;
  size: keyof typeof SIZES;
  scheme: 'dark' | 'light';
  /** The page to its end, not only what is seen first. */
  whole?: boolean;
}

/** Opens each page anew and takes its picture, when nothing moves any more. */
export async function take(browser: Browser, url: string, folder: string, pictures: Picture[]): Promise<void> {
  mkdirSync(folder, { recursive: true });
  for (const { file, hash, size, scheme, whole = false } of pictures) {
    const context = await browser.newContext({
      ...SIZES[size],
      colorScheme: scheme,
      reducedMotion: 'reduce',
      locale: 'en-GB',
      hasTouch: size !== 'desktop',
    });
    const page = await context.newPage();
    const asked = new Set<Request>();
    page.on('request', (request) => request.url().endsWith('/live') || asked.add(request));
    page.on('requestfinished', (request) => asked.delete(request));
    page.on('requestfailed', (request) => asked.delete(request));
    await page.goto(`${url}/#${hash}`);
    await settled(page);
    await page.evaluate(() => document.fonts.ready);
    await expect.poll(() => asked.size).toBe(0);
    await settled(page);
    if (whole) {
      // A taller window rather than a picture of all of it: what is fixed to the window's end stays there.
      const height = await page.evaluate(() => document.documentElement.scrollHeight);
      await page.setViewportSize({ width: SIZES[size].viewport.width, height });
      await settled(page);
      await expect.poll(() => asked.size).toBe(0);
    }
    await page.screenshot({ path: join(folder, file), animations: 'disabled', caret: 'hide' });
    await context.close();
  }
}
