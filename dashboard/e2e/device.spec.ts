// A device: why to believe it, and what its owner says of it.

import { card, expect, open, test } from './test';

test('the steps that it was learned from are drawn over each other, and told one by one', async ({ page }) => {
  await open(page, 'devices/switch.kettle');
  const why = card(page, 'Why believe it');
  const drawn = why.getByRole('img').first();
  await expect(drawn).toBeVisible();
  await expect(drawn).toHaveAttribute('aria-label', /\d/);
  expect(await drawn.locator('path, polyline, line').count()).toBeGreaterThan(10);
  await why.getByRole('button', { name: 'Older switch' }).click();
  await expect(why.locator('[aria-live]')).toContainText(/\d\d:\d\d:\d\d.*[+−][\d,]+ W/);
  await why.locator('summary').click();
  const rows = why.getByRole('row');
  await expect(rows.nth(1)).toContainText(/[+−](1,9|2,0)\d\d W/);
});

test('its figures, its runs and its hours are told', async ({ page }) => {
  await open(page, 'devices/switch.kettle');
  const main = page.getByRole('main');
  await expect(main).toContainText(/(1,9|2,0)\d\d\s*W/);
  await expect(card(page, 'Activations').getByRole('row').nth(1)).toContainText(/€\d/);
});

test('a name that its owner gives is seen everywhere, until it is taken back', async ({ page }) => {
  await open(page, 'devices/switch.kettle');
  const word = card(page, 'Your word');
  await word.getByRole('textbox', { name: 'A better name' }).fill('Grandma’s kettle');
  await word.getByRole('button', { name: 'Save: A better name' }).click();
  await expect(page.getByRole('heading', { level: 1 })).toHaveText('Grandma’s kettle');
  await expect(word.getByRole('list', { name: 'What you said' })).toContainText('Grandma’s kettle');
  await page.getByRole('link', { name: 'Devices', exact: true }).first().click();
  await expect(page.getByRole('main').getByRole('link', { name: 'Grandma’s kettle' }).first()).toBeVisible();

  await open(page, 'devices/switch.kettle');
  await word.getByRole('button', { name: /^Undo/ }).first().click();
  await expect(page.getByRole('heading', { level: 1 })).toHaveText('Kettle');
  await page.getByRole('link', { name: 'Devices', exact: true }).first().click();
  await expect(page.getByRole('main').getByRole('link', { name: 'Kettle', exact: true }).first()).toBeVisible();
  await expect(page.getByText('Grandma’s kettle')).toHaveCount(0);
});

test('a power that makes no sense is refused beside its field', async ({ page }) => {
  await open(page, 'devices/switch.kettle');
  const word = card(page, 'Your word');
  await word.getByRole('textbox', { name: 'It draws' }).fill('a lot');
  await word.getByRole('button', { name: 'Save: It draws' }).click();
  await expect(word.getByRole('alert')).toContainText('as a number');
  await expect(word.getByRole('textbox', { name: 'It draws' })).toHaveAttribute('aria-invalid', 'true');
});

test('what cannot be told says what would help', async ({ page }) => {
  await open(page, 'devices/input_boolean.movie_mode');
  await expect(page.getByRole('heading', { level: 1 })).toHaveText('Movie mode');
  await expect(page.getByRole('main')).toContainText(/no load|would help/i);
});
