// The pictures of README and docs: `WATTRIBUTE_SCREENSHOTS` names their folder.

import { statSync } from 'node:fs';
import { join } from 'node:path';
import { type Picture, take } from './pictures';
import { expect, test } from './test';

const FOLDER = process.env.WATTRIBUTE_SCREENSHOTS ?? 'test-results/screenshots';
const MOST_KB = 250;
const PICTURES: Picture[] = [
  { file: 'energy-dark.png', hash: 'energy', size: 'desktop', scheme: 'dark' },
  { file: 'energy-light.png', hash: 'energy', size: 'desktop', scheme: 'light' },
  { file: 'device-dark.png', hash: 'devices/switch.kettle', size: 'desktop', scheme: 'dark' },
  { file: 'energy-phone.png', hash: 'energy', size: 'phone', scheme: 'dark' },
  { file: 'costs-light.png', hash: 'costs', size: 'desktop', scheme: 'light' },
  { file: 'devices-tablet.png', hash: 'devices', size: 'tablet', scheme: 'dark' },
];

test('pictures for README and docs', async ({ browser, demo }) => {
  test.setTimeout(180_000);
  await take(browser, demo.url, FOLDER, PICTURES);
  for (const { file } of PICTURES) {
    expect(statSync(join(FOLDER, file)).size / 1000, file).toBeLessThan(MOST_KB);
  }
});
