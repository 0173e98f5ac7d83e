// What is paid for energy that is given to the grid.

import { Choice, Field, NumberField } from '../field';
import type { Draft, ExportKind, Wrongs } from './draft';

const KINDS: readonly { value: ExportKind; label: string }[] = [
  { value: 'none', label: 'Nothing' },
  { value: 'fixed', label: 'Fixed' },
  { value: 'entity', label: 'Dynamic' },
];

export function ExportFields({
  draft,
  unit,
  wrongs,
  onChange,
}: {
  draft: Draft;
  unit: string | undefined;
  wrongs: Wrongs;
  onChange: (part: Partial<Draft>) => void;
}) {
  return (
    <>
      <Choice
        legend="Paid for energy given to the grid"
        options={KINDS}
        value={draft.exportKind}
        onChange={(exportKind) => onChange({ exportKind })}
        isRow
      />
      {draft.exportKind === 'fixed' && (
        <div className="fields">
          <NumberField
            label="Paid per kWh"
            unit={unit}
            value={draft.exportPrice}
            onChange={(exportPrice) => onChange({ exportPrice })}
            wrong={wrongs.exportPrice}
          />
        </div>
      )}
      {draft.exportKind === 'entity' && (
        <div className="fields">
          <Field
            label="Entity that says it"
            value={draft.exportEntity}
            onChange={(exportEntity) => onChange({ exportEntity })}
            placeholder="sensor.feed_in_price"
            spellCheck={false}
            autoCapitalize="off"
            wrong={wrongs.exportEntity}
          />
          <NumberField
            label="Its factor"
            value={draft.exportFactor}
            onChange={(exportFactor) => onChange({ exportFactor })}
            placeholder="1"
            wrong={wrongs.exportFactor}
          />
          <NumberField
            label="Its surcharge per kWh"
            unit={unit}
            value={draft.exportSurcharge}
            onChange={(exportSurcharge) => onChange({ exportSurcharge })}
            placeholder="0"
            hint="a fee is below zero"
            wrong={wrongs.exportSurcharge}
          />
        </div>
      )}
    </>
  );
}
