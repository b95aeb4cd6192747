import { systemErrorCode } from '../pipeline/system-error.js';
import { ServiceError } from './errors.js';

/** The last is a worker's word for it. */
const FULL = ['ENOSPC', 'EDQUOT', 'SQLITE_FULL', 'storage_full'];
const UNAVAILABLE = ['EROFS', 'EACCES', 'EPERM', 'EIO', 'ENOTDIR', 'EEXIST', 'EMFILE', 'ENFILE'];
const TABLE_FAULT = /^SQLITE_(BUSY|LOCKED|READONLY|IOERR|CANTOPEN|PROTOCOL|CORRUPT|NOTADB|FULL)/;

/** True for what the task table throws while it cannot be read or written: the disk is full, somebody has locked it, … */
export const isTableFault = (error: unknown): boolean => TABLE_FAULT.test(systemErrorCode(error) ?? '');

/**
 * What a client may know of a fault of the disk or the table; undefined for any other error. The fault passes when its
 * cause does: 503 `storage_full` or `storage_unavailable`.
 */
export function storageFault(error: unknown): ServiceError | undefined {
  const code = systemErrorCode(error) ?? '';
  if (FULL.includes(code)) {
    return new ServiceError(503, 'storage_full', 'The disk of the service is full', { cause: error });
  }
  if (UNAVAILABLE.includes(code) || isTableFault(error)) {
    return new ServiceError(503, 'storage_unavailable', 'The storage of the service cannot be used now', {
      cause: error,
    });
  }
  return undefined;
}
