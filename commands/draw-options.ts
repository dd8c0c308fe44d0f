/** What the gate and a bundle are told alike: which cases are drawn, how many, and how long a program may start. */
import { Option } from 'commander';
import { type Profile, profileNames, profiles } from '../gate/profiles.ts';
import { integer, seconds } from './common.ts';

const DEFAULT_SEED = 1;
const DEFAULT_PROFILE: Profile = 'standard';
const PROFILES = profileNames
  .map((name) => `${name} ${name === 'quick' ? 'at most ' : ''}${profiles[name]}`)
  .join(', ');

export const seedOption = (): Option =>
  new Option('--seed <integer>', 'everything that is drawn follows from it')
    .default(DEFAULT_SEED)
    .argParser(integer(-(2 ** 31), 'an integer from -2^31 to 2^31 - 1'));

export const profileOption = (each: 'form' | 'dtype'): Option =>
  new Option('--profile <name>', `cases for each law, system and ${each}: ${PROFILES}`)
    .choices(profileNames)
    .default(DEFAULT_PROFILE);

export const runsOption = (): Option =>
  new Option('--runs <count>', 'so many cases instead, whatever the profile').argParser(
    integer(1, 'a positive integer'),
  );

export const startTimeoutOption = (): Option =>
  new Option('--start-timeout <seconds>', 'what the program has to start and say what it can do')
    .default(60)
    .argParser(seconds);
