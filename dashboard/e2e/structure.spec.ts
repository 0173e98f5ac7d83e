// What a screen reader is told of a page: its parts in their order. Figures move, and are only seen to be figures.

import { expect, open, test } from './test';

test('Energy, as it is read out', async ({ page }) => {
  await open(page, 'energy');
  await expect(page.getByRole('main')).toMatchAriaSnapshot(`
    - main "Energy":
      - status
      - heading "Energy" [level=1]
      - text: /Live, .* Demo house/
      - region "Current power":
        - heading "Current power" [level=2]
        - text: /[\\d,.]+W (about )?(all|[\\d,]+ W) .*known/
      - region "Today":
        - heading "Today" [level=2]
      - region "Peak, 24 h":
        - heading "Peak, 24 h" [level=2]
        - text: /[\\d,]+W \\d\\d:\\d\\d/
      - region "Correlations found":
        - heading "Correlations found" [level=2]
        - text: /\\d+in 24 h \\d+ devices learned, \\d+ cannot be told/
      - region "Where it goes":
        - heading "Where it goes" [level=2]
        - button "Earlier"
        - button "Later" [disabled]
        - group "How long":
          - button "Hour"
          - button "Day" [pressed]
          - button "Week"
          - button "Month"
          - button "Year"
        - img /Power of the house, .* between [\\d,−]+ and [\\d,]+ W, [\\d,]+ W on average; most by .*\\. The table below has the figures\\./
        - list "Colours":
          - listitem: Not attributed
          - listitem: House
          - listitem: kWh so far
        - group: Show as tables
        - group: Select by time
      - region "Top consumers":
        - heading "Top consumers" [level=2]
        - list:
          - listitem:
            - link "Heat pump":
              - /url: "#devices/climate.heat_pump"
            - strong: /€\\d+\\.\\d\\d/
      - region "Recent power changes":
        - heading "Recent power changes" [level=2]
        - table "Recent power changes, newest first":
          - rowgroup:
            - row "Time Device State Change Share How sure"
          - rowgroup:
            - row /\\d\\d:\\d\\d:\\d\\d .* → .*/
      - region "So far":
        - heading "So far" [level=2]
      - region "Phantom load":
        - heading "Phantom load" [level=2]
  `);
});

test('Devices, as they are read out', async ({ page }) => {
  await open(page, 'devices');
  await expect(page.getByRole('main')).toMatchAriaSnapshot(`
    - main "Devices":
      - heading "Devices" [level=1]
      - text: /\\d+ devices/
      - search:
        - searchbox "Search devices"
        - combobox "How sure"
        - combobox "Area"
        - combobox "Sort by"
      - region "Known":
        - heading "Known" [level=2]
        - table:
          - rowgroup:
            - row "Device Draws How sure Now Energy Cost a month 30 days"
          - rowgroup:
            - row /Heat pump/:
              - rowheader /Heat pump/:
                - link "Heat pump":
                  - /url: "#devices/climate.heat_pump"
              - cell /about [\\d,]+ W/
              - cell /varies/
            - row /Kettle/:
              - rowheader /Kettle/:
                - link "Kettle":
                  - /url: "#devices/switch.kettle"
              - cell /[12],\\d\\d\\d ±[\\d.]+ W/
              - cell /learned , evidence beyond doubt/
  `);
});

test('a device, as it is read out', async ({ page }) => {
  await open(page, 'devices/switch.kettle');
  await expect(page.getByRole('main')).toMatchAriaSnapshot(`
    - main "Devices":
      - link "Devices":
        - /url: "#devices"
      - heading "Kettle" [level=1]
      - region "Draws":
        - heading "Draws" [level=2]
        - text: /[12],\\d\\d\\d± [\\d.]+ W/
      - region "Learned from":
        - heading "Learned from" [level=2]
        - text: /\\d+of \\d+ switches; \\d+ left out/
      - region "This month":
        - heading "This month" [level=2]
      - region "Strength of evidence":
        - heading "Strength of evidence" [level=2]
        - text: /Beyond doubt/
      - region "Why believe it":
        - heading "Why believe it" [level=2]
        - img /\\d+ switches laid over each other/
        - button "Newer switch"
        - button "Older switch"
        - group: As a table
      - region "Steps seen":
        - heading "Steps seen" [level=2]
        - img /\\d+ steps, [\\d,]+ W in the middle; learned/
        - heading "When it runs" [level=3]
      - region "Over time"
      - region "How long it runs"
      - region "Activations":
        - table:
          - rowgroup:
            - row "Start Until For Energy Cost"
          - rowgroup:
            - row /\\d\\d:\\d\\d .*Wh €\\d/
      - region "Your word":
        - heading "Your word" [level=2]
        - textbox "It draws"
        - textbox "A better name"
        - button "No load"
  `);
});

test('Costs, as they are read out', async ({ page }) => {
  await open(page, 'costs');
  await expect(page.getByRole('main')).toMatchAriaSnapshot(`
    - main "Costs":
      - heading "Costs" [level=1]
      - button "Earlier"
      - button "Later" [disabled]
      - heading /\\w+ \\d{4}/ [level=2]
      - group "One bar is":
        - button "Days" [pressed]
        - button "Weeks"
        - button "Months"
        - button "Years"
      - region "Used":
        - text: /[\\d,.]+kWh so far/
      - region "Cost":
        - text: /€[\\d,.]+/
      - region "Mean price"
      - region "From the sun"
      - region "What it cost":
        - heading "What it cost" [level=2]
        - group "What the bars are made of":
          - button "By device" [pressed]
          - button "By tariff"
          - button "Whole home"
        - img /Cost of each day/
        - group: As a table
      - region "Devices":
        - table:
          - rowgroup:
            - row "Device Drawn as a bar Energy Share Cost"
          - rowgroup:
            - row /Heat pump [\\d.]+ kWh [\\d.]+% €[\\d.]+/
  `);
});
