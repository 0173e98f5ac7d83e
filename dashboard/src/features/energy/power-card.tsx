// The house's power and what it is for: the chart with everything around it.

import { useQuery } from '@tanstack/react-query';
import { useCallback, useEffect, useMemo, useState } from 'react';
import * as queries from '../../api/queries';
import type { Attribution } from '../../api/types';
import { Card, Segments } from '../../components/card';
import { Left, Right } from '../../components/icons';
import { Empty, Failed, Skeleton } from '../../components/states';
import { type Span, TimeChart } from '../../components/time-chart';
import { isTyping } from '../../lib/keys';
import { RANGES, type RangeName, refreshMs, type View } from '../../lib/ranges';
import { href } from '../../lib/route';
import { useWidth } from '../../lib/size';
import { DAY_MS, HOUR_MS, MINUTE_MS, span as spanWords } from '../../lib/time';
import { useZone } from '../../lib/zone';
import { gist, isAnyKnown, layersOf } from './layers';
import { Legend } from './legend';
import { chosenMarks } from './marks';
import { PowerTable } from './power-table';
import { SelectionPanel } from './selection';
import { SpanForm } from './span-form';
import { Tip } from './tip';
import { backToNow, move, show, useView, zoomTo } from './view';

const NAMES: Record<RangeName, string> = { hour: 'Hour', day: 'Day', week: 'Week', month: 'Month', year: 'Year' };
/** How many devices are told one by one. */
const DEVICES = 8;
/** Steps are marked in views up to that length. */
const MARKED_MS = 2.5 * DAY_MS;

/**
 * How many stretches a view has: in short views about one for each pixel, as many as make even ones (5 s in an hour, 2 min in a day); whole hours
 * and days in long views, which are calmer to read.
 */
function pointsOf(view: View, width: number): number {
  const length = view.to_ms - view.from_ms;
  if (length <= MARKED_MS) return width >= 500 ? 725 : 300;
  const stretch = length <= 8 * DAY_MS ? HOUR_MS : length <= 40 * DAY_MS ? 3 * HOUR_MS : DAY_MS;
  return Math.min(500, Math.ceil(length / stretch) + 1);
}

export function PowerCard() {
  const zone = useZone();
  const view = useView(refreshMs);
  const [selection, select] = useState<Span | null>(null);
  const [hover, setHover] = useState<{ index: number; left_px: number } | null>(null);
  const [holder, width] = useWidth<HTMLDivElement>();
  const points = width === 0 ? 0 : pointsOf(view, width);
  const height = width < 500 ? 260 : width < 680 ? 360 : 430;
  const { from_ms, to_ms } = view;

  const query = useQuery({
    ...queries.attribution(from_ms, to_ms, points, DEVICES, refreshMs(view)),
    enabled: points > 0,
  });
  const isMarked = to_ms - from_ms <= MARKED_MS;
  // By the whole minute: what comes within one is told by the live stream, and need not be asked for with each move of the view.
  const [begin_ms, end_ms] = [Math.floor(from_ms / MINUTE_MS) * MINUTE_MS, Math.ceil(to_ms / MINUTE_MS) * MINUTE_MS];
  const steps = useQuery({ ...queries.correlations(begin_ms, end_ms, 5, 1000), enabled: isMarked && points > 0 });
  const marks = useMemo(
    () => (isMarked && steps.data ? chosenMarks(steps.data, width) : []),
    [isMarked, steps.data, width],
  );
  const data = query.data;
  const drawn = useMemo(() => (data ? layersOf(data) : null), [data]);

  const choose = useCallback((name: RangeName) => {
    select(null);
    show(name);
  }, []);
  const reset = useCallback(() => {
    select(null);
    backToNow();
  }, []);
  const zoom = useCallback((span: Span) => {
    select(null);
    zoomTo(span);
  }, []);
  const refetch = query.refetch;

  useEffect(() => {
    const onKey = (event: KeyboardEvent) => {
      if (isTyping(event)) return;
      const name = RANGES[Number(event.key) - 1];
      if (name) choose(name);
      else if (event.key === 'Escape') select(null);
      else if (event.key === 'ArrowLeft') move(-1);
      else if (event.key === 'ArrowRight') move(1);
      else if (event.key.toLowerCase() === 'z' && selection) zoom(selection);
      else if (event.key.toLowerCase() === 'r') {
        reset();
        void refetch();
      }
    };
    window.addEventListener('keydown', onKey);
    return () => window.removeEventListener('keydown', onKey);
  }, [choose, reset, zoom, refetch, selection]);

  const onHover = useCallback(
    (index: number | null, left_px: number) => setHover(index == null ? null : { index, left_px }),
    [],
  );
  const isNow = view.follows && view.name !== null;
  const isOther = query.isPlaceholderData && !sameLength(data, view);

  return (
    <Card
      title="Where it goes"
      sub={view.follows && view.name ? 'drag to select a stretch' : spanWords(from_ms, to_ms, zone)}
      className="power-card"
      aside={
        <div className="row wrap range-buttons">
          <span className="row" style={{ gap: 4 }}>
            <button type="button" className="icon-button" aria-label="Earlier" onClick={() => move(-1)}>
              <Left />
            </button>
            <button
              type="button"
              className="icon-button"
              aria-label="Later"
              disabled={view.follows}
              onClick={() => move(1)}
            >
              <Right />
            </button>
            {!isNow && (
              <button type="button" className="button" onClick={reset}>
                Now
              </button>
            )}
          </span>
          <Segments
            label="How long"
            value={view.name}
            options={RANGES.map((name, index) => ({ value: name, label: NAMES[name], title: `Key ${index + 1}` }))}
            onChange={choose}
          />
        </div>
      }
    >
      <div className="chart-holder" ref={holder} style={{ minHeight: height }}>
        {data && width > 0 && !isAnyKnown(data) ? (
          <Empty title={view.follows ? 'Waiting for the first readings' : 'Nothing was recorded then'}>
            <p>
              {view.follows
                ? 'The house’s power appears here as soon as a meter says something. Sources tells which meters are heard.'
                : 'No meter said anything in this stretch. “Now” leads back.'}
            </p>
            {view.follows && (
              <a className="button" href={href('sources')}>
                Sources
              </a>
            )}
          </Empty>
        ) : drawn && data && width > 0 ? (
          <TimeChart
            label={gist(data, zone)}
            from_ms={from_ms}
            to_ms={to_ms}
            at={data.at}
            interval_ms={data.meta.interval_s * 1000}
            layers={drawn.layers}
            line={drawn.line}
            extremes={drawn.extremes}
            sum={drawn.sum}
            marks={marks}
            zone={zone}
            height={height}
            selection={selection}
            onSelect={select}
            onReset={reset}
            onHover={onHover}
          />
        ) : query.isError ? (
          <Failed error={query.error} retry={() => void query.refetch()} />
        ) : (
          <Skeleton height={height} />
        )}
        {drawn && isOther && (
          <div className="loading-veil" role="status">
            Loading
          </div>
        )}
        {data && hover && !selection && (
          <Tip data={data} index={hover.index} left_px={hover.left_px} width={width} marks={marks} zone={zone} />
        )}
        {selection && (
          <SelectionPanel
            key={`${selection.from_ms}`}
            span={selection}
            view={view}
            width={width}
            zone={zone}
            onZoom={zoom}
            onClose={() => select(null)}
          />
        )}
      </div>
      {data && <Legend data={data} />}
      <div className="row wrap chart-more">
        {data && <PowerTable data={data} zone={zone} />}
        <SpanForm view={view} zone={zone} onSelect={select} />
      </div>
    </Card>
  );
}

/** While figures of another length are on their way, those that are shown do not fit the axis. */
function sameLength(data: Attribution | undefined, view: View): boolean {
  if (!data) return false;
  const length = Date.parse(data.meta.to) - Date.parse(data.meta.from);
  const wanted = view.to_ms - view.from_ms;
  return Math.abs(length - wanted) < 0.2 * wanted && Math.abs(Date.parse(data.meta.to) - view.to_ms) < 0.2 * wanted;
}
