// What a view shows while it has nothing to show: loading, empty, not to be had.

import type { UseQueryResult } from '@tanstack/react-query';
import type { ReactNode } from 'react';
import { ApiError } from '../api/client';
import { Waves } from './icons';

/** A grey block in place of what comes. */
export function Skeleton({ height, width = '100%' }: { height: number | string; width?: number | string }) {
  return <div className="skeleton" style={{ height, width }} />;
}

/** Lines in place of a list that comes. */
export function SkeletonList({ rows = 5, height = 20 }: { rows?: number; height?: number }) {
  return (
    <div className="stack" role="status" aria-label="Loading">
      {Array.from({ length: rows }, (_, row) => (
        <Skeleton key={row} height={height} width={`${100 - ((row * 17) % 40)}%`} />
      ))}
    </div>
  );
}

/** Four figures and cards of these heights, in place of a page that comes. */
export function SkeletonPage({ heights }: { heights: readonly number[] }) {
  return (
    <div className="stack" role="status" aria-label="Loading">
      <div className="grid cards">
        {['a', 'b', 'c', 'd'].map((key) => (
          <Skeleton key={key} height={118} />
        ))}
      </div>
      {heights.map((height) => (
        <Skeleton key={height} height={height} />
      ))}
    </div>
  );
}

/** Nothing yet, and what to do about it. */
export function Empty({
  title,
  children,
  icon = <Waves size={28} />,
}: {
  title: string;
  children?: ReactNode;
  icon?: ReactNode;
}) {
  return (
    <div className="empty">
      {icon}
      <strong className="empty-title">{title}</strong>
      {children}
    </div>
  );
}

/** It cannot be had: why, and again. */
export function Failed({ error, retry }: { error: unknown; retry?: () => void }) {
  const words = error instanceof Error ? error.message : 'Something went wrong.';
  const isGone = error instanceof ApiError && error.status === 0;
  return (
    <div className="empty" role="alert">
      <strong className="empty-title">{isGone ? 'Wattribute does not answer' : 'This cannot be shown'}</strong>
      <p>{isGone ? 'It is asked again every few seconds. If it stays away, look whether it runs.' : words}</p>
      {retry && (
        <button type="button" className="button" onClick={retry}>
          Try again
        </button>
      )}
    </div>
  );
}

/** A view of what a query brings: skeleton, error, or what is drawn of it (also when it is old). */
export function Loaded<T>({
  query,
  skeleton,
  children,
}: {
  query: UseQueryResult<T>;
  skeleton?: ReactNode;
  children: (data: T) => ReactNode;
}) {
  if (query.data !== undefined) return <>{children(query.data)}</>;
  if (query.isError) return <Failed error={query.error} retry={() => void query.refetch()} />;
  return <>{skeleton ?? <SkeletonList />}</>;
}
