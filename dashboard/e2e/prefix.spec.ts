// Below a path that a proxy put before ours, as Home Assistant's ingress does.

import { PAGES } from './places';
import { startProxy } from './proxy';
import { expect, settled, test } from './test';

const PREFIX = '/api/hassio_ingress/abc';

test('everything works below a path, and nothing is asked outside of it', async ({ page, demo }) => {
  const proxy = await startProxy(demo.url, { prefix: PREFIX, headers: { 'x-ingress-path': PREFIX } });
  try {
    const asked: string[] = [];
    page.on('request', (request) => asked.push(new URL(request.url()).pathname));
    await page.goto(`${proxy.url}/`);
    await settled(page);
    await expect(page.getByText(/^Live, /)).toBeVisible();
    const navigation = page.getByRole('navigation', { name: 'Main', exact: true });
    for (const { link, title } of PAGES) {
      await navigation.getByRole('link', { name: new RegExp(`^${link}\\b`) }).click();
      await expect(page.getByRole('heading', { level: 1 })).toHaveText(title);
      await settled(page);
    }
    await page.goto(`${proxy.url}/#devices/switch.kettle`);
    await expect(page.getByRole('heading', { level: 1 })).toHaveText('Kettle');
    const icon = page.locator('link[rel="icon"], link[rel="manifest"]');
    for (const link of await icon.all()) {
      const address = await link.evaluate((element) => (element as HTMLLinkElement).href);
      expect((await page.request.get(address)).status(), address).toBe(200);
    }
    expect(asked.filter((path) => !path.startsWith(`${PREFIX}/`))).toEqual([]);
    expect(asked).toContain(`${PREFIX}/api/v1/live`);
    expect(proxy.strays).toEqual([]);
  } finally {
    await proxy.close();
  }
});
