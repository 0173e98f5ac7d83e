// Keys of a page: not while somebody types, and not with Ctrl, Alt or Cmd, which are the browser's.

export function isTyping(event: KeyboardEvent): boolean {
  if (event.ctrlKey || event.altKey || event.metaKey) return true;
  const target = event.target as HTMLElement | null;
  return !!target?.closest?.('input, textarea, select, [contenteditable="true"], dialog');
}
