/**
 * Reads what tap wrote (`tap --output-file`) and says at its end which tests failed and how, unless a terminal has
 * shown that already, which were skipped and why, and the counts alone on a line, `N passed, N failed, N skipped`,
 * which CI reads.
 *
 *   node scripts/report-tests.js FILE
 *
 * Counted are test points without subtests. A test that fails though none of its own points did (it crashed, its
 * plan was not met, its time was over) counts as one failure, so no failure can vanish from the line. Exits 1 if
 * there is no file, or a failure in it, or no test at all.
 */
import { existsSync, readFileSync } from 'node:fs';

const POINT = /^( *)(not )?ok\b(?: +\d+)?(?: - (.*))?$/;
const SKIPPED = /^(.*?) *# SKIP\b *(.*)$/i;
const TODO = /# TODO\b/i;
const BAIL_OUT = /^ *(Bail out!.*)/i;
const DIAGNOSIS_LINES_MAX = 60;

/** The test points with their YAML blocks. A block may hold what looks like TAP. */
function readPoints(text) {
  const points = [];
  let blockEnd;
  for (const line of text.split('\n')) {
    if (line === blockEnd) blockEnd = undefined;
    else if (blockEnd !== undefined) points.at(-1)?.diagnosis.push(line.slice(blockEnd.length - 3));
    else if (/^ *---$/.test(line)) blockEnd = line.replace('---', '...');
    else points.push(...readPoint(line));
  }
  return points;
}

function readPoint(line) {
  const bailOut = BAIL_OUT.exec(line);
  if (bailOut !== null) return [{ depth: 0, ok: false, title: bailOut[1], diagnosis: [] }];
  const point = POINT.exec(line);
  if (point === null) return [];
  const title = (point[3] ?? '').replace(/ # time=\S+$/, '').replace(/ \{$/, '');
  return [{ depth: point[1].length / 4, ok: point[2] === undefined, title, diagnosis: [] }];
}

/**
 * A point stands behind its subtest, which is indented by four. So what was found at a depth waits there until the
 * point of the depth above comes, which is the name of the test around it.
 */
function summarise(points) {
  const waiting = [];
  for (const point of points) {
    const inner = waiting.splice(point.depth + 1)[0];
    waiting[point.depth] ??= { passed: 0, failed: [], skipped: [] };
    take(waiting[point.depth], point, inner);
  }
  return waiting[0] ?? { passed: 0, failed: [], skipped: [] };
}

function take(level, { ok, title, diagnosis }, inner) {
  const within = found => ({ ...found, name: `${title} > ${found.name}` });
  level.passed += inner?.passed ?? 0;
  level.failed.push(...(inner?.failed ?? []).map(within));
  level.skipped.push(...(inner?.skipped ?? []).map(within));
  const skipped = SKIPPED.exec(title);
  if (skipped !== null) level.skipped.push({ name: skipped[1], reason: skipped[2] || 'no reason given' });
  else if (ok || TODO.test(title)) level.passed += inner === undefined ? 1 : 0;
  else if (!inner?.failed.length) level.failed.push({ name: title, diagnosis });
}

function report({ passed, failed, skipped }, withFailures) {
  const counts = `${passed} passed, ${failed.length} failed`;
  return [
    ...(withFailures ? failed.flatMap(describe) : []),
    ...(skipped.length === 0 ? [] : ['', 'Skipped:']),
    ...skipped.map(({ name, reason }) => `  ${name}: ${reason}`),
    // tap leaves its cursor behind; the counts need a line of their own.
    '',
    skipped.length === 0 ? counts : `${counts}, ${skipped.length} skipped`,
  ];
}

function describe({ name, diagnosis }) {
  return ['', `Failed: ${name}`, ...diagnosis.slice(0, DIAGNOSIS_LINES_MAX).map(line => `  ${line}`)];
}

const file = process.argv[2];
if (file === undefined || !existsSync(file)) {
  process.stderr.write(`There is no test result: ${file ?? 'no file was named'}\n`);
  process.exitCode = 1;
} else {
  const summary = summarise(readPoints(readFileSync(file, 'utf8')));
  process.stdout.write(`${report(summary, !process.stdout.isTTY).join('\n')}\n`);
  if (summary.failed.length > 0 || summary.passed === 0) process.exitCode = 1;
}
