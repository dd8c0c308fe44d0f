/** `lla merge`: the parts of a run, put together. */
import { Command } from 'commander';
import { mergeReports } from '../gate/reports/merge.ts';
import { BadReport, readReport } from '../gate/reports/read.ts';
import { fail } from './common.ts';
import { EXIT } from './exit.ts';
import { addReportOptions, checkReports, printReport, type ReportFlags, writeReports } from './report-options.ts';

function merge(files: readonly string[], flags: ReportFlags): void {
  checkReports(flags);
  try {
    const report = mergeReports(files.map((file) => ({ file, report: readReport(file) })));
    process.exitCode = report.conforms ? EXIT.conforms : EXIT.doesNot;
    writeReports(flags, report);
    printReport(flags, report);
  } catch (error) {
    if (!(error instanceof BadReport)) throw error;
    fail(error.message);
  }
}

export const mergeCommand = (): Command =>
  addReportOptions(new Command('merge'))
    .description(
      'put the JSON reports of all parts of a run together (lla gate --shard), and print the table of verdicts',
    )
    .argument('<reports...>', 'what lla gate --report or --json wrote, each part once')
    .action(merge);
