// The one chart over time: layers stacked on each other, a line over them, a second line on the right axis, marks.
// uPlot draws columns as they come; it computes nothing of what is shown. https://github.com/leeoniya/uPlot/tree/master/docs

import { useEffect, useMemo, useRef, useState } from 'react';
import uPlot from 'uplot';
import 'uplot/dist/uPlot.min.css';
import { resolved } from '../lib/colours';
import { useWidth } from '../lib/size';
import { useShownTheme } from '../lib/theme';
import { FONT, timeAxis, wattsAxis } from './chart/axes';
import { drawMarks } from './chart/marks';
import { type Span, usePointer } from './chart/pointer';
import { columns } from './chart/stack';

export type { Span } from './chart/pointer';
export type Column = (number | null)[];

/** One colour of the stack. */
export interface Layer {
  key: string;
  label: string;
  /** A CSS colour or variable. */
  colour: string;
  values: Column;
}

/** Something that happened at an instant. */
export interface Mark {
  at_ms: number;
  /** The step, W. */
  power_w: number;
  label: string;
}

export interface TimeChartProps {
  /** What is drawn, for who cannot see it. */
  label: string;
  from_ms: number;
  to_ms: number;
  /** Start of each stretch, ms. */
  at: number[];
  /** Length of a stretch, ms. */
  interval_ms: number;
  /** From the bottom up. */
  layers: Layer[];
  /** The house's own line. */
  line?: { label: string; values: Column };
  /** Least and greatest within each stretch. */
  extremes?: { min: Column; max: Column };
  /** A growing sum on the right axis. */
  sum?: { label: string; unit: string; values: Column };
  marks?: Mark[];
  zone: string;
  height: number;
  selection?: Span | null;
  onSelect?: (span: Span | null) => void;
  onReset?: () => void;
  /** Which stretch the pointer is on; `null` when it left. */
  onHover?: (index: number | null, left_px: number) => void;
}

export function TimeChart(props: TimeChartProps) {
  const { layers, line, extremes, sum, zone, height, label } = props;
  const [holder, width] = useWidth<HTMLDivElement>();
  const theme = useShownTheme();
  const [drawn, setDrawn] = useState<{ plot: uPlot; shape: string } | null>(null);
  const latest = useRef(props);
  latest.current = props;

  // Whatever changes the chart's make-up makes a new one; new figures are put into the one that is there.
  const shape = JSON.stringify([
    layers.map((one) => [one.key, one.colour]),
    !!line,
    !!extremes,
    !!sum,
    zone,
    theme,
    width === 0,
  ]);
  const data = useMemo(
    () => columns(props.at, props.interval_ms, layers, line?.values, extremes, sum?.values),
    [props.at, props.interval_ms, layers, line, extremes, sum],
  );
  const dataNow = useRef(data);
  dataNow.current = data;

  // A plot of another make-up takes no columns of this one.
  const plot = drawn?.shape === shape ? drawn.plot : null;

  // `shape` stands for all that the options are made of.
  useEffect(() => {
    if (!holder.current || width === 0) return;
    const made = new uPlot(options(latest, width, height), dataNow.current, holder.current);
    setDrawn({ plot: made, shape });
    return () => {
      made.destroy();
      setDrawn(null);
    };
  }, [shape]);

  useEffect(() => {
    if (plot && width > 0) plot.setSize({ width, height });
  }, [plot, width, height]);

  useEffect(() => {
    if (!plot) return;
    plot.batch(() => {
      plot.setData(data, false);
      plot.setScale('x', { min: props.from_ms / 1000, max: props.to_ms / 1000 });
    });
  }, [plot, data, props.from_ms, props.to_ms]);

  // Marks are drawn by the plot, which has to be told of new ones.
  useEffect(() => {
    plot?.redraw(false);
  }, [plot, props.marks]);

  usePointer(plot, latest);

  useEffect(() => {
    if (!plot) return;
    const chosen = props.selection;
    const left = chosen ? plot.valToPos(chosen.from_ms / 1000, 'x') : 0;
    const right = chosen ? plot.valToPos(chosen.to_ms / 1000, 'x') : 0;
    plot.setSelect({ left, width: right - left, top: 0, height: chosen ? plot.over.clientHeight : 0 }, false);
  }, [plot, props.selection, props.from_ms, props.to_ms, width]);

  return <div className="time-chart" ref={holder} style={{ height }} role="img" aria-label={label} />;
}

function options(latest: { readonly current: TimeChartProps }, width: number, height: number): uPlot.Options {
  const { layers, line, extremes, sum, zone } = latest.current;
  const colour = (name: string) => resolved(`var(--${name})`);
  const stepped = uPlot.paths.stepped?.({ align: 1 });
  const shared: Partial<uPlot.Series> = { points: { show: false }, ...(stepped ? { paths: stepped } : {}) };
  const series: uPlot.Series[] = [{}];
  const bands: uPlot.Band[] = [];
  layers.forEach((layer, index) => {
    const fill = resolved(layer.colour);
    series.push({ ...shared, label: layer.label, scale: 'w', width: 0, fill });
    if (index > 0) bands.push({ series: [index + 1, index], fill });
  });
  if (extremes) {
    const fill = `color-mix(in srgb, ${colour('ink')} 10%, transparent)`;
    series.push(
      { ...shared, label: 'least', scale: 'w', width: 0 },
      { ...shared, label: 'greatest', scale: 'w', width: 0 },
    );
    bands.push({ series: [series.length - 1, series.length - 2], fill });
  }
  if (line)
    series.push({
      ...shared,
      label: line.label,
      scale: 'w',
      width: 1.2,
      stroke: `color-mix(in srgb, ${colour('ink')} 82%, transparent)`,
    });
  if (sum) {
    series.push({ ...shared, label: sum.label, scale: 'sum', width: 1.4, stroke: colour('faint'), dash: [5, 4] });
  }
  const faint = colour('faint');
  const grid = colour('line');
  const narrow = width < 500;
  return {
    width,
    height,
    series,
    bands,
    tzDate: (s) => uPlot.tzDate(new Date(s * 1000), zone),
    legend: { show: false },
    padding: [10, sum && !narrow ? 0 : 20, 0, 0],
    cursor: { drag: { x: false, y: false, setScale: false }, points: { show: false }, y: false },
    scales: {
      x: { time: true, auto: false },
      w: { range: (_, min, max) => [Math.min(0, min ?? 0), Math.max(10, (max ?? 0) * 1.06)] },
      sum: { range: (_, __, max) => [0, Math.max(0.01, (max ?? 0) * 1.06)] },
    },
    axes: [
      timeAxis(zone, faint, grid, narrow),
      wattsAxis(faint, grid, narrow),
      ...(sum ? [sumAxis(faint, sum.unit, !narrow)] : []),
    ],
    hooks: {
      draw: [
        (plot) =>
          drawMarks(plot, latest.current.marks ?? [], latest.current.line?.values, {
            up: colour('up'),
            down: colour('down'),
            ground: colour('card'),
          }),
      ],
      setCursor: [
        (plot) => {
          const { left, idx } = plot.cursor;
          latest.current.onHover?.(left == null || left < 0 || idx == null ? null : idx, left ?? 0);
        },
      ],
    },
  };
}

function sumAxis(stroke: string, unit: string, show: boolean): uPlot.Axis {
  return {
    scale: 'sum',
    side: 1,
    show,
    stroke,
    font: FONT,
    grid: { show: false },
    ticks: { show: false },
    size: 68,
    gap: 8,
    space: 60,
    values: (_, splits) =>
      splits.map((value) =>
        value === 0 ? '' : `${value < 1 ? value.toPrecision(1) : Math.round(value * 10) / 10} ${unit}`,
      ),
  };
}
