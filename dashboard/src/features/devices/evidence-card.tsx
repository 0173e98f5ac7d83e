// Why believe it: each step that a device was learned from, over each other, and how large they were.

import { type ReactNode, useMemo, useState } from 'react';
import type { DevicePage } from '../../api/types';
import { Card, Segments } from '../../components/card';
import { Left, Right } from '../../components/icons';
import { Empty } from '../../components/states';
import { clockSeconds, date } from '../../lib/time';
import { NOTHING, number, plusMinus, watts } from '../../lib/units';
import { stepWords } from '../../lib/words';
import { useZone } from '../../lib/zone';
import { say } from './bits';
import { type Choice, changeWords, choices, type Step } from './evidence';
import { EvidenceChart } from './evidence-chart';
import { kindOf } from './known';
import { median } from './scale';
import { StepsSeen } from './steps-seen';
import { TableBeside } from './table-beside';

export function EvidenceCards({ page, colour, children }: { page: DevicePage; colour: string; children: ReactNode }) {
  const all = useMemo(() => choices(page.evidence, page.levels), [page.evidence, page.levels]);
  const [wanted, setWanted] = useState<string | null>(null);
  const choice = all.find((one) => one.key === wanted) ?? all[0];
  return (
    <>
      <Why page={page} colour={colour} all={all} choice={choice} onChoice={setWanted} />
      <Card title="Steps seen" sub="watts at each switch" className="side-card">
        {choice ? (
          <StepsSeen choice={choice} colour={colour} isSaid={page.device.verdict === 'stated'} />
        ) : (
          <p className="sub">No step could be read yet.</p>
        )}
        {children}
      </Card>
    </>
  );
}

/** What the owner says holds; but it is told where the meter shows something else. */
function disagrees({ steps, power_w }: Choice): string {
  const deltas = steps.flatMap((step) => step.delta_w ?? []);
  const middle = median(deltas);
  if (middle == null || power_w == null || deltas.length < 10) return '';
  const spread = median(deltas.map((w) => Math.abs(w - middle))) ?? 0;
  const isFar = Math.abs(middle - power_w) > Math.max(3 * (spread / Math.sqrt(deltas.length)), 0.15 * power_w);
  return isFar ? ` The meter shows ${say(middle)} in the middle.` : '';
}

interface WhyProps {
  page: DevicePage;
  colour: string;
  all: Choice[];
  choice: Choice | undefined;
  onChoice: (key: string) => void;
}

function Why({ page, colour, all, choice, onChoice }: WhyProps) {
  const { device } = page;
  // By its time: new steps come in before the others.
  const [chosenAt, setChosenAt] = useState<number | null>(null);
  const { guard_before_s, guard_after_s } = page.meta;
  const guard =
    guard_before_s != null && guard_after_s != null ? { before_s: guard_before_s, after_s: guard_after_s } : null;
  if (!choice) {
    return (
      <Card title="Why believe it">
        <Empty title="No step to show yet">
          <p>A step is kept when this is switched while nothing else is, and the meter speaks before and after.</p>
        </Empty>
      </Card>
    );
  }
  const steps = choice.steps;
  const turned = steps.filter((step) => step.sign < 0).length;
  const isLearned = device.verdict !== 'measured' && device.verdict !== 'stated';
  const isBelieved = isLearned && (kindOf(device) === 'known' || kindOf(device) === 'together');
  const found = chosenAt == null ? -1 : steps.findIndex((one) => one.at_ms === chosenAt);
  const chosen = found < 0 ? null : found;
  const setChosen = (index: number | null) => setChosenAt(index == null ? null : (steps[index]?.at_ms ?? null));
  const step = chosen == null ? undefined : steps[chosen];
  return (
    <Card
      title={isBelieved ? 'Why believe it' : 'What the meter showed'}
      sub="the house's power around each switch, aligned at the moment it was pressed"
      className="why-card"
      aside={
        all.length > 1 ? (
          <Segments
            label="Which steps"
            value={choice.key}
            onChange={(key) => {
              setChosen(null);
              onChoice(key);
            }}
            options={all.slice(0, 4).map((one) => ({
              value: one.key,
              label: one.label,
              title: `${number(one.steps.length)} steps`,
            }))}
          />
        ) : undefined
      }
    >
      {!isLearned && (
        <p className="say">
          {device.verdict === 'measured'
            ? 'What it draws is not taken from this, but from its own meter.'
            : `What it draws is not taken from this: you said it.${disagrees(choice)}`}
        </p>
      )}
      <EvidenceChart choice={choice} colour={colour} guard={guard} chosen={chosen} onChosen={setChosen} />
      <ul className="legend plain">
        <li>
          <Stroke colour={colour} width={1} opacity={0.55} /> thin: one switch each
        </li>
        <li>
          <Stroke colour={colour} width={2.5} /> bold: their median
        </li>
        {guard && (
          <li>
            <i className="shade" /> shaded: left out, the step may be under way
          </li>
        )}
        {turned > 0 && (
          <li>{turned === steps.length ? 'all' : number(turned)} that went off are turned over, so that all go up</li>
        )}
      </ul>
      <Pick steps={steps} chosen={chosen} onChosen={setChosen} step={step} />
      <StepTable steps={steps} chosen={chosen} onChosen={setChosen} />
    </Card>
  );
}

const Stroke = ({ colour, width, opacity = 1 }: { colour: string; width: number; opacity?: number }) => (
  <svg width="18" height="8" aria-hidden="true" focusable="false">
    <line x1="0" x2="18" y1="4" y2="4" stroke={colour} strokeWidth={width} opacity={opacity} />
  </svg>
);

interface PickProps {
  steps: Step[];
  chosen: number | null;
  onChosen: (index: number | null) => void;
}

/** One switch after the other, for keys and fingers; says what the one chosen shows. */
function Pick({ steps, chosen, onChosen, step }: PickProps & { step: Step | undefined }) {
  const zone = useZone();
  const go = (by: number) => {
    const at = chosen == null ? (by > 0 ? 0 : steps.length - 1) : (chosen + by + steps.length) % steps.length;
    onChosen(at);
  };
  const middle = median(steps.flatMap((one) => one.delta_w ?? []));
  return (
    <div className="pick">
      <button type="button" className="icon-button" aria-label="Newer switch" onClick={() => go(-1)}>
        <Left size={15} />
      </button>
      <button type="button" className="icon-button" aria-label="Older switch" onClick={() => go(1)}>
        <Right size={15} />
      </button>
      <span aria-live="polite">
        {step ? (
          <>
            <b>
              {date(step.at_ms, zone)} {clockSeconds(step.at_ms, zone)}
            </b>
            , {changeWords(step)}: {signed(step)} W
            {step.error_w != null && ` ${plusMinus(-step.error_w, step.error_w)}`}, {stepWords(step.verdict)}
          </>
        ) : (
          <>
            The {number(steps.length)} newest switches
            {middle != null && `, ${say(middle)} in the middle`}. Point at a line, or touch it, to see which it is.
          </>
        )}
      </span>
    </div>
  );
}

/** The step as the house showed it, before it was turned. */
function signed(step: Step): string {
  return step.delta_w == null ? NOTHING : watts(step.delta_w * step.sign, true).value;
}

function StepTable({ steps, chosen, onChosen }: PickProps) {
  const zone = useZone();
  return (
    <TableBeside label="Steps">
      <thead>
        <tr>
          <th scope="col">When</th>
          <th scope="col">State</th>
          <th scope="col" className="num">
            Step
          </th>
          <th scope="col" className="num">
            Off by
          </th>
          <th scope="col">How it reads</th>
        </tr>
      </thead>
      <tbody>
        {steps.map((step, index) => (
          <tr
            key={`${step.at_ms} ${step.from}`}
            className={chosen === index ? 'is-chosen' : undefined}
            onPointerEnter={() => onChosen(index)}
            onPointerLeave={() => onChosen(null)}
          >
            <th scope="row">
              {date(step.at_ms, zone)} {clockSeconds(step.at_ms, zone)}
            </th>
            <td>{changeWords(step)}</td>
            <td className="num">{signed(step)} W</td>
            <td className="num">{step.error_w == null ? NOTHING : plusMinus(-step.error_w, step.error_w)}</td>
            <td>{stepWords(step.verdict)}</td>
          </tr>
        ))}
      </tbody>
    </TableBeside>
  );
}
