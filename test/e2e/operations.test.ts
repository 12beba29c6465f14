/**
 * Every command of docs/operations.md in a `console` block, in its order, as its reader would run it: against a running
 * service first, then on the directories that it leaves, damaged where a section speaks of damage. What stands below a
 * `$` line must be among what the command prints.
 */
import { spawnSync } from 'node:child_process';
import { chmodSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import t from 'tap';
import { needs } from '../fixtures/needs.js';
import { MAIN, ServiceProcess, serviceDirectory } from '../fixtures/service-process.js';

interface Section {
  readonly title: string;
  readonly commands: readonly { readonly line: string; readonly output: string }[];
}

const page = readFileSync('docs/operations.md', 'utf8');

const sections: readonly Section[] = page
  .split(/^## /m)
  .slice(1)
  .map(text => ({
    title: text.split('\n')[0] ?? '',
    commands: [...text.matchAll(/^```console\n([\s\S]*?)^```$/gm)].flatMap(([, block = '']) =>
      block.split(/^\$ /m).flatMap(command => {
        const [line = '', ...output] = command.split('\n');
        return line === '' ? [] : [{ line, output: output.join('\n').trim() }];
      }),
    ),
  }));

/** Flips a bit in the second line of the newest log. */
function damage(snapshots: string): void {
  const logs = readdirSync(snapshots).filter(name => name.endsWith('.log'));
  const name = logs.sort().at(-1) ?? '';
  const bytes = readFileSync(`${snapshots}/${name}`);
  const at = bytes.indexOf(0x0a) + 40;
  bytes[at] = (bytes[at] ?? 0) ^ 1;
  writeFileSync(`${snapshots}/${name}`, bytes);
}

t.test('every command of docs/operations.md does what the page says', { skip: needs('curl') }, async t => {
  const directory = serviceDirectory(t);
  const bin = `${directory}/bin`;
  mkdirSync(bin);
  writeFileSync(`${bin}/cairn`, `#!/bin/sh\nexec '${process.execPath}' '${MAIN}' "$@"\n`);
  chmodSync(`${bin}/cairn`, 0o755);
  const snapshots = `${directory}/snapshots`;
  const start = () => ServiceProcess.start(t, ['--snapshot-dir', snapshots]);
  let service = await start();
  let host = service.url.replace('http://', '');
  const run = (line: string) =>
    spawnSync('sh', ['-e', '-c', line.replaceAll('localhost:3000', host)], {
      cwd: directory,
      encoding: 'utf8',
      env: { PATH: `${bin}:${process.env['PATH']}`, HOME: directory },
      timeout: 60_000,
    });
  const fill = (): void => {
    for (let i = 0; i < 9; i++) {
      const { status } = run(`curl -fsS -d '{"key":"k${i}","value":${i}}' 'localhost:3000/set?sync=true'`);
      t.equal(status, 0);
    }
  };
  fill();
  const before: Readonly<Record<string, () => Promise<void>>> = {
    Restore: async () => {
      const refused = run('cairn restore today.base snapshots --force');
      t.match([refused.status, refused.stderr], [75, /snapshot_locked/], 'while it is served');
      await service.stop();
    },
    Repair: async () => {
      service = await start();
      host = service.url.replace('http://', '');
      fill();
      await service.stop();
      damage(snapshots);
      const refused = ServiceProcess.spawn(t, ['serve', '--port', '0', '--snapshot-dir', snapshots]);
      t.equal((await refused.ended).code, 65);
      t.match(
        refused.stderr,
        `cairn repair ${snapshots} --salvage`,
        'the start names the command that repairs',
      );
    },
  };
  for (const { title, commands } of sections) {
    await before[title]?.();
    for (const { line, output } of commands) {
      const { status, stdout, stderr } = run(line);
      t.equal(status, 0, `${title}: ${line} ${status === 0 ? '' : stderr}`);
      t.ok(stdout.includes(output), `${line}: ${stdout}`);
    }
  }
  t.ok(sections.flatMap(section => section.commands).length > 14);
  service = await start();
  host = service.url.replace('http://', '');
  t.equal(run('curl -fsS localhost:3000/get/k8?raw').stdout, '8', 'after all of it, it is served again');
});

t.test('the page has a section for every exit code of a start', async t => {
  for (const code of [65, 69, 74, 75, 77, 78]) t.match(page, new RegExp(`^\\| ${code} \\|`, 'm'));
});
