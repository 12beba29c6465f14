/**
 * docker, git, helm and kubectl as the scripts of scripts/delivery/ call them: each but git writes its words into a file, and
 * answers what it is told by the environment. The scripts run in a folder of their own, with what they read beside them.
 */
import { spawn } from 'node:child_process';
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Test } from 'tap';
import { root } from '../fixtures/repository.js';

const programs = {
  docker: `
case $1 in
  info) exit "\${DOCKER_INFO:-0}" ;;
  login) echo "stdin of login: $(cat), config in $DOCKER_CONFIG" >>"$FAKE_LOG.secrets" ;;
  build | push) exit "\${DOCKER_EXIT:-0}" ;;
esac`,
  git: `
case $1 in
  rev-parse) echo "$FAKE_COMMIT" ;;
  status) printf '%s' "\${FAKE_CHANGES:-}" ;;
esac`,
  helm: `
case $1 in
  history) [ -n "\${FAKE_HISTORY:-}" ] || { echo 'Error: release: not found' >&2; exit 1; }; echo "$FAKE_HISTORY" ;;
  get) echo "{\\"image\\":{\\"tag\\":\\"\${FAKE_TAG:-}\\"}}" ;;
  upgrade) exit "\${HELM_EXIT:-0}" ;;
esac`,
  kubectl: `
case "$*" in
  *'get statefulset/'*) printf '%s' "\${FAKE_SECRET:-}" ;;
  *'get secret/'*) printf '%s' "$FAKE_TOKEN" ;;
  *port-forward*)
    [ -n "\${FAKE_PORT:-}" ] || { echo 'error: no pods' >&2; exit 1; }
    echo "Forwarding from 127.0.0.1:$FAKE_PORT -> 3000"
    exec sleep 60 ;;
esac`,
} as const;

export interface Ended {
  readonly status: number | null;
  /** Both streams. */
  readonly output: string;
  /** What was called, a line each: the program and its words. */
  readonly calls: readonly string[];
  /** What the programs were given beside their words. */
  readonly secrets: string;
}

export class FakePrograms {
  readonly directory = mkdtempSync(join(tmpdir(), 'cairn-test-'));
  readonly #log = join(this.directory, 'calls');

  /** `paths` of the repository beside those that every script reads; `more` programs, by their bodies. */
  constructor(
    t: Test,
    {
      paths = [],
      more = {},
    }: { readonly paths?: readonly string[]; readonly more?: Readonly<Record<string, string>> } = {},
  ) {
    t.teardown(() => rmSync(this.directory, { recursive: true, force: true }));
    const read = ['scripts/delivery', 'scripts/verify-api.sh', 'k8s/environments', 'package.json', ...paths];
    for (const path of read) cpSync(join(root, path), join(this.directory, path), { recursive: true });
    mkdirSync(join(this.directory, 'bin'));
    for (const [name, body] of Object.entries({ ...programs, ...more })) {
      const path = join(this.directory, 'bin', name);
      const note = name === 'git' ? '' : `printf '%s\\n' "${name} $*" >>"$FAKE_LOG"`;
      writeFileSync(path, `#!/bin/sh\n${note}\n${body}\n`);
      chmodSync(path, 0o755);
    }
  }

  /** Runs a script of scripts/delivery/. */
  async run(
    script: string,
    env: Readonly<Record<string, string>> = {},
    ...words: readonly string[]
  ): Promise<Ended> {
    rmSync(this.#log, { force: true });
    const child = spawn('sh', [join('scripts/delivery', `${script}.sh`), ...words], {
      cwd: this.directory,
      env: { PATH: `${join(this.directory, 'bin')}:${process.env['PATH']}`, FAKE_LOG: this.#log, ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let output = '';
    for (const stream of [child.stdout, child.stderr]) {
      stream.on('data', chunk => {
        output += chunk;
      });
    }
    const status = await new Promise<number | null>(resolve => child.on('close', resolve));
    return {
      status,
      output,
      calls: this.#read(this.#log).split('\n').slice(0, -1),
      secrets: this.#read(`${this.#log}.secrets`),
    };
  }

  read(path: string): string {
    return this.#read(join(this.directory, path));
  }

  #read(path: string): string {
    return existsSync(path) ? readFileSync(path, 'utf8') : '';
  }
}
