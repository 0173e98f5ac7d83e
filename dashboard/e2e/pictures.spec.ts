// Every page at every size, dark and light, to be looked at: test-results/pictures.

import { type Picture, SIZES, take } from './pictures';
import { ALL } from './places';
import { test } from './test';

for (const size of Object.keys(SIZES) as (keyof typeof SIZES)[]) {
  for (const scheme of ['dark', 'light'] as const) {
    test(`pictures: ${size}, ${scheme}`, async ({ browser, demo }) => {
      test.setTimeout(180_000);
      const name = (hash: string) => hash.replace(/^devices\/.*/, 'device');
      const pictures = ALL.map(
        ({ hash }): Picture => ({ file: `${name(hash)}-${size}-${scheme}.png`, hash, size, scheme, whole: true }),
      );
      await take(browser, demo.url, 'test-results/pictures', pictures);
    });
  }
}
