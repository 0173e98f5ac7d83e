// From another machine: a token, once; then a session, until it ends.

import { startProxy } from './proxy';
import { expect, type Page, test } from './test';
import { command, makeToken } from './wattribute';

// A proxy that says that it forwards makes everybody a stranger.
const FORWARDED = { 'x-forwarded-for': '192.0.2.7' };
// Who is not let in is answered with 401, which browsers tell in the console.
test.use({ isCalm: false });

const navigation = (page: Page) => page.getByRole('navigation', { name: 'Main', exact: true });

async function logIn(page: Page, token: string): Promise<void> {
  await page.getByLabel('Token').fill(token);
  await page.getByRole('button', { name: 'Log in' }).click();
}

for (const prefix of ['', '/api/hassio_ingress/abc']) {
  const where = prefix ? ', below a path too' : '';

  test(`a stranger shows a token and sees the live dashboard${where}`, async ({ page, demo }) => {
    const name = `e2e-${test.info().workerIndex}-${prefix ? 'path' : 'root'}`;
    const token = await makeToken(demo, name, 'read');
    const proxy = await startProxy(demo.url, { prefix, headers: { ...FORWARDED, 'x-ingress-path': prefix } });
    try {
      await page.goto(`${proxy.url}/#costs`);
      await expect(page.getByRole('heading', { level: 1 })).toHaveText('Wattribute');
      await logIn(page, 'wtt_wrong');
      await expect(page.getByRole('alert')).toHaveText('This token is not known here.');
      await logIn(page, token);
      await expect(navigation(page)).toBeVisible();
      await page.goto(`${proxy.url}/#energy`);
      await expect(page.getByText(/^Live, /)).toBeVisible();
      await page.reload();
      await expect(page.getByText(/^Live, /)).toBeVisible();

      // Its owner takes it back: whoever looks is asked again, and comes back to where they were.
      await page.goto(`${proxy.url}/#devices`);
      await expect(page.getByRole('heading', { level: 1 })).toHaveText('Devices');
      await command(demo, 'token', 'revoke', '--demo', name);
      await expect(page.getByLabel('Token')).toBeVisible({ timeout: 45_000 });
      expect(page.url().startsWith(`${proxy.url}/login`)).toBe(true);
      expect(proxy.strays).toEqual([]);
    } finally {
      await proxy.close();
    }
  });
}

test('who logs out is asked again', async ({ page, demo }) => {
  const name = `e2e-${test.info().workerIndex}-out`;
  const token = await makeToken(demo, name, 'read');
  const proxy = await startProxy(demo.url, { headers: FORWARDED });
  try {
    await page.goto(`${proxy.url}/`);
    await logIn(page, token);
    await expect(navigation(page)).toBeVisible();
    await page.goto(`${proxy.url}/#settings/tokens`);
    await page.getByRole('button', { name: 'Log out' }).click();
    await expect(page.getByLabel('Token')).toBeVisible();
    await page.goto(`${proxy.url}/`);
    await expect(page.getByLabel('Token')).toBeVisible();
  } finally {
    await command(demo, 'token', 'revoke', '--demo', name);
    await proxy.close();
  }
});
