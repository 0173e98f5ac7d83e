/** A device's reason, cut where the advice begins: its first sentence says why, what follows says what would help. */
export function cut(reason: string): [why: string, help: string] {
  const [why = reason, ...help] = reason.split(/(?<=\.)\s+/);
  return [why, help.join(' ')];
}
