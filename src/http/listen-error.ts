/** Why a port cannot be opened, in our words. */
import { CairnError, systemCode } from '../errors.js';

/** Gives `address_in_use` or `configuration`. */
export function listenError(cause: Error, host: string, port: number): CairnError {
  const code = systemCode(cause);
  if (code === 'EADDRINUSE') {
    return new CairnError('address_in_use', `Port ${port} on ${host} is in use.`, { cause });
  }
  if (code === 'EACCES') {
    const hint = 'Choose a port of 1024 or more with --port or PORT.';
    return new CairnError('configuration', `This user may not open port ${port}.`, { hint, cause });
  }
  const hint = 'Give --host an address of this machine.';
  const message = `Cannot listen on ${host}, port ${port}: ${code ?? cause.message}.`;
  return new CairnError('configuration', message, { hint, cause });
}
