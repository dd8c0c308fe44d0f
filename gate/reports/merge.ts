/** Parts of a run, judged on several machines, as the report of the whole. */
import { isDeepStrictEqual } from 'node:util';
import { builtIn } from '../../properties/implementations.ts';
import { precisions } from '../../properties/precision.ts';
import type { GateVerdict } from '../judge.ts';
import { type GateReport, reportOf } from '../run.ts';
import { lawRank, systemRank } from './findings.ts';
import { BadReport } from './read.ts';

export interface Part {
  /** What errors call it. */
  file: string;
  report: GateReport;
}

const ALIKE = ['seed', 'runs', 'command', 'fixtures', 'enforceRecommended'] as const;
const show = (value: unknown): string => JSON.stringify(value) ?? 'none';

function checkAlike([first, ...others]: readonly Part[]): void {
  for (const { file, report } of others) {
    for (const field of ALIKE) {
      if (isDeepStrictEqual(report[field], first.report[field])) continue;
      throw new BadReport(
        `${file}: ${field} ${show(report[field])}, where ${first.file} has ${show(first.report[field])}`,
      );
    }
  }
}

/** Each shard once; or no shards at all, where the parts were chosen by hand. */
function checkShards(parts: readonly Part[]): void {
  const [first] = parts;
  const of = first.report.shard?.of;
  const files = new Map<number, string>();
  for (const { file, report } of parts) {
    if (report.shard?.of !== of) {
      const called = (shard: GateReport['shard']): string => (shard ? `shard ${shard.index}/${shard.of}` : 'no shard');
      throw new BadReport(`${file} is ${called(report.shard)}, and ${first.file} ${called(first.report.shard)}`);
    }
    if (!report.shard) continue;
    const before = files.get(report.shard.index);
    if (before !== undefined)
      throw new BadReport(`shard ${report.shard.index}/${of} is there twice: ${before}, ${file}`);
    files.set(report.shard.index, file);
  }
  if (of === undefined) return;
  const missing = Array.from({ length: of }, (_, i) => i + 1).filter((index) => !files.has(index));
  const names = missing.slice(0, 20).map((index) => `${index}/${of}`);
  if (missing.length > 20) names.push(`and ${missing.length - 20} more`);
  if (missing.length > 0)
    throw new BadReport(`${missing.length === 1 ? 'shard' : 'shards'} ${names.join(', ')} missing`);
}

function checkOnce(parts: readonly Part[]): void {
  const files = new Map<string, string>();
  for (const { file, report } of parts) {
    for (const { law, system, implementation } of report.verdicts) {
      const key = show([law, system, implementation]);
      const before = files.get(key);
      if (before !== undefined)
        throw new BadReport(`${law} · ${system} · ${implementation} is judged in ${before} and in ${file}`);
      files.set(key, file);
    }
  }
}

const formRank = ({ implementation, dtype }: GateVerdict): number => {
  const form = builtIn.findIndex(({ name }) => name === implementation);
  return form >= 0 ? form : builtIn.length + precisions.findIndex(({ name }) => name === dtype);
};

/** As one run has them: by implementation, then system, what others depend on first. */
function inTheirOrder(verdicts: readonly GateVerdict[]): GateVerdict[] {
  const names = [...new Set(verdicts.map(({ implementation }) => implementation))];
  const rank = new Map(names.map((name, i) => [name, i]));
  return verdicts.toSorted(
    (a, b) =>
      formRank(a) - formRank(b) ||
      (rank.get(a.implementation) ?? 0) - (rank.get(b.implementation) ?? 0) ||
      systemRank(a.system) - systemRank(b.system) ||
      lawRank(a.law) - lawRank(b.law),
  );
}

/**
 * The report of all parts together; its seconds are those of all machines.
 * @throws BadReport where a part is missing, is there twice, or is of another run
 */
export function mergeReports(parts: readonly Part[]): GateReport {
  if (parts.length === 0) throw new BadReport('no report given');
  checkAlike(parts);
  checkShards(parts);
  checkOnce(parts);
  const [{ report: first }] = parts;
  const { seed, runs, command, fixtures, enforceRecommended } = first;
  const seconds = parts.reduce((sum, { report }) => sum + report.summary.seconds, 0);
  const verdicts = inTheirOrder(parts.flatMap(({ report }) => report.verdicts));
  const reports = parts.map(({ report }) => report);
  // an entry is unused where no part has judged what it names
  const unused = first.unusedExpectations?.filter((entry) =>
    reports.every(({ unusedExpectations = [] }) => unusedExpectations.includes(entry)),
  );
  const about = {
    ...{ seed, runs, enforceRecommended },
    ...(fixtures === undefined ? {} : { fixtures }),
    ...(command && { command }),
    ...(unused && { unusedExpectations: unused }),
    ...(reports.some(({ bailed }) => bailed) && { bailed: true }),
  };
  return reportOf(about, verdicts, seconds);
}
