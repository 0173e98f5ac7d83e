// What holds for every page: found, quiet, within its width, and good for everybody.

import AxeBuilder from '@axe-core/playwright';
import { ALL, PAGES, SECTIONS } from './places';
import { expect, open, settled, test } from './test';

const WIDTHS = [360, 390, 768, 1024, 1440];

test('every page is opened from the navigation, and has one heading and a title', async ({ page }) => {
  await open(page, 'devices/switch.kettle');
  const navigation = page.getByRole('navigation', { name: 'Main', exact: true });
  for (const { link, title } of PAGES) {
    await navigation.getByRole('link', { name: new RegExp(`^${link}\\b`) }).click();
    await expect(page.getByRole('heading', { level: 1 })).toHaveText(title);
    await expect(navigation.locator('[aria-current="page"]')).toHaveText(new RegExp(`^${link}`));
    await expect(page).toHaveTitle(`${title} · Wattribute (demo)`);
    await expect(page.getByRole('main')).toBeFocused();
    await settled(page);
  }
});

test('what is not known leads to the first page', async ({ page }) => {
  await open(page, 'nonsense');
  await expect(page.getByRole('heading', { level: 1 })).toHaveText('Energy');
});

for (const { hash, title } of [...ALL, ...SECTIONS]) {
  test(`${hash} is opened by its address`, async ({ page }) => {
    await open(page, hash);
    await expect(page.getByRole('heading', { level: 1 })).toHaveText(title);
    await page.reload();
    await settled(page);
    await expect(page.getByRole('heading', { level: 1 })).toHaveCount(1);
    const levels = await page
      .getByRole('heading')
      .evaluateAll((all) => all.map((one) => Number(one.tagName.slice(1) || one.ariaLevel)));
    const leaps = levels.filter((level, index) => level > (levels[index - 1] ?? 0) + 1);
    expect(leaps, `headings ${levels}`).toEqual([]);
  });

  test(`${hash} is not scrolled sideways at any width`, async ({ page }) => {
    await open(page, hash);
    for (const width of WIDTHS) {
      await page.setViewportSize({ width, height: 900 });
      await settled(page);
      const over = () => page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
      await expect.poll(over, `at ${width} px`).toBeLessThanOrEqual(0);
    }
  });

  for (const colorScheme of ['dark', 'light'] as const) {
    test(`${hash} keeps to WCAG 2.2 AA, ${colorScheme}`, async ({ page }) => {
      await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' });
      await open(page, hash);
      const { violations } = await new AxeBuilder({ page })
        .withTags(['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa'])
        .analyze();
      const found = violations.map(
        ({ id, nodes }) => `${id}: ${nodes.map((node) => node.target.join(' ')).join(', ')}`,
      );
      expect(found).toEqual([]);
    });
  }
}

test('one can skip to the page, and see where one is', async ({ page }) => {
  await open(page, 'devices');
  await page.keyboard.press('Tab');
  const skip = page.getByRole('button', { name: 'Skip to the page' });
  await expect(skip).toBeFocused();
  await expect(skip).toBeInViewport();
  await page.keyboard.press('Enter');
  await expect(page.getByRole('main')).toBeFocused();
});

test('pages that are gone back from are where they were', async ({ page }) => {
  await open(page, 'devices');
  await page.getByRole('main').getByRole('link', { name: 'Kettle' }).first().click();
  await expect(page.getByRole('heading', { level: 1 })).toHaveText('Kettle');
  await page.goBack();
  await expect(page.getByRole('heading', { level: 1 })).toHaveText('Devices');
});
