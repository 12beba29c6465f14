/**
 * `cairn/client`: a client of Cairn over fetch, for Node from 20.19, browsers, Deno and Bun. It imports nothing but what
 * stands beside it.
 */
export { CairnClient, type CollectionInfo, type VersionOfService } from './client.js';
export type { ClientClock, Random } from './clock.js';
export {
  Collection,
  type CollectionOptions,
  type CreateOptions,
  type PatchOperation,
  type ReadOptions,
  type VersionInfo,
  type View,
  type Waited,
  type WaitOptions,
} from './collection.js';
export type { Document, Written } from './document.js';
export {
  CairnClientError,
  type ClientErrorCode,
  type OwnCode,
  type ServiceCode,
  serviceCodes,
} from './errors.js';
export { EventParser, type StreamEvent } from './event-stream.js';
export { type Decode, JsonText } from './json.js';
export type { Item, ListOptions, Page, PageOptions } from './listing.js';
export { type ServiceConfig, ServiceConfigs, type ServiceCreated } from './services.js';
export {
  type BatchDone,
  type BatchOperation,
  type BatchResult,
  Export,
  type ExportLine,
  type ExportOptions,
  type Imported,
  type ImportLine,
  type ImportOptions,
  type ImportSource,
} from './transfer.js';
export type { CallOptions, ClientOptions } from './transport.js';
export type { WatchEvent, WatchOptions } from './watch.js';
export type { Conditional, DeleteOptions, PutOptions, Ttl, WriteOptions } from './words.js';
