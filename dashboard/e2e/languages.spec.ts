// Numbers, money and times as the reader writes them; the home stays in Berlin.

import { berlin, card, expect, open, test } from './test';

interface Written {
  locale: string;
  /** Thousands of W. */
  kilo: RegExp;
  money: RegExp;
  energy: RegExp;
}

const WRITTEN: Written[] = [
  { locale: 'de-DE', kilo: /\d\.\d{3}\s*W/, money: /\d+,\d{2}\s€/, energy: /\d+,\d+\s*kWh/ },
  { locale: 'fr-FR', kilo: /\d\u202f\d{3}\s*W/, money: /\d+,\d{2}\s€/, energy: /\d+,\d+\s*kWh/ },
  { locale: 'en-US', kilo: /\d,\d{3}\s*W/, money: /€\d+\.\d{2}/, energy: /\d+\.\d+\s*kWh/ },
];

for (const { locale, kilo, money, energy } of WRITTEN) {
  test.describe(locale, () => {
    test.use({ locale });

    test(`figures are written as in ${locale}`, async ({ page }) => {
      const statistics = page.waitForResponse(/\/energy\/statistics/);
      await open(page, 'energy');
      await expect(card(page, 'Top consumers')).toContainText(money);
      await expect(card(page, 'So far').getByRole('row', { name: 'In all' })).toContainText(energy);
      await expect(card(page, 'Peak, 24 h')).toContainText(kilo);
      const { peak_time } = (await (await statistics).json()) as { peak_time: string };
      const time = berlin(Date.parse(peak_time), { hour: '2-digit', minute: '2-digit' }, locale);
      await expect(card(page, 'Peak, 24 h')).toContainText(time);
      await open(page, 'costs');
      await expect(page.getByRole('main')).toContainText(money);
    });
  });
}
