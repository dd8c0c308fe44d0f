/** `--shard I/N`: one part of a run. */
import { InvalidArgumentError, Option } from 'commander';
import type { Triple } from '../gate/run.ts';
import { mostShards, type Shard } from '../gate/shard.ts';
import { fail } from './common.ts';

const MOST = 10_000;

function shard(text: string): Shard {
  const [, index, of] = /^(\d{1,5})\/(\d{1,5})$/.exec(text)?.map(Number) ?? [];
  if (index >= 1 && index <= of && of <= MOST) return { index, of };
  throw new InvalidArgumentError(`${text} given, I/N wanted: part I, counted from 1, of N.`);
}

export const shardOption = (): Option =>
  new Option(
    '--shard <i/n>',
    'judge part I of N only; lla merge puts the JSON reports of all parts together',
  ).argParser(shard);

/** Parts without anything to judge are a mistake, and one of all machines alike. */
export function checkShard(wanted: Shard | undefined, triples: readonly Triple[]): void {
  const most = mostShards(triples);
  if (wanted && wanted.of > most) {
    fail(
      `--shard ${wanted.index}/${wanted.of}: a law stays with those that it depends on, so this run has at most ${most} parts`,
    );
  }
}
