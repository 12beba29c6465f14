/**
 * `cairn healthcheck`: for Docker's HEALTHCHECK and for scripts. It asks for readiness, not for life: what waits for a
 * healthy container wants one that answers, and nobody restarts a container for being unhealthy without having asked
 * for that. (Kubernetes asks /livez and /readyz itself.)
 */
import { get } from 'node:http';
import { isIPv6 } from 'node:net';
import type { Io } from '../commands/io.js';
import { readConfigHere } from '../commands/reading.js';
import type { Config } from '../config.js';
import { CairnError, systemCode } from '../errors.js';
import { exitCodes } from '../exit-codes.js';
import { HEALTHCHECK_MS } from '../limits.js';

export async function healthcheck(argv: readonly string[], io: Io): Promise<number> {
  const { config } = await readConfigHere(argv, io);
  const url = readinessUrl(config);
  const status = await statusOf(url);
  if (status !== 200) throw new CairnError('unhealthy', `${url} answers ${status}.`);
  io.stdout.write('ready\n');
  return exitCodes.ok;
}

function readinessUrl({ host, port }: Pick<Config, 'host' | 'port'>): string {
  if (port === 0) {
    throw new CairnError('usage', 'A health check needs a port that is not 0.', {
      hint: 'Give the one it got: --port.',
    });
  }
  const address = reachable(host);
  return `http://${isIPv6(address) ? `[${address}]` : address}:${port}/readyz`;
}

/** Every address is none to connect to. `::` is IPv4 too, and many containers have no `::1`. */
function reachable(host: string): string {
  return host === '0.0.0.0' || host === '::' ? '127.0.0.1' : host;
}

function statusOf(url: string): Promise<number> {
  return new Promise((resolve, reject) => {
    const request = get(url, { agent: false, signal: AbortSignal.timeout(HEALTHCHECK_MS) }, response => {
      response.destroy();
      resolve(response.statusCode ?? 0);
    });
    request.on('error', cause => reject(unreachable(url, cause)));
  });
}

function unreachable(url: string, cause: Error): CairnError {
  const code = systemCode(cause);
  const why = code === 'ABORT_ERR' ? `within ${HEALTHCHECK_MS / 1000} s` : `(${code ?? cause.message})`;
  return new CairnError('unhealthy', `${url} does not answer ${why}.`, { cause });
}
