/** What the document tells of `/config`. */
import {
  type Documentation,
  type ExampleRequest,
  ofDocument,
  ofWrite,
  readHeaders,
  writeHeaders,
} from '../documentation.js';

const PATH = '/config?service=managed-k8s';
const FIRST = '{"replicas":1}';
const SECOND = '{"replicas":2}';

const made: ExampleRequest = { method: 'POST', path: PATH, body: FIRST };
const changed: ExampleRequest = { method: 'PATCH', path: PATH, body: SECOND };
const off: ExampleRequest = { method: 'PATCH', path: `${PATH}&enabled=false` };
const done = '{"success":true}';
const unprocessable = '{"error":422,"message":"unprocessable","success":false}';

const common = { tag: 'Configuration of services', required: ['service'] } as const;

export const configDocs: Readonly<Record<'GET' | 'POST' | 'PATCH' | 'DELETE', Documentation>> = {
  GET: {
    ...common,
    more: 'One version is the answer itself; of several each is a string, by its number from 0.',
    takes: readHeaders,
    fails: ['key_not_found'],
    answers: {
      200: {
        summary: 'The configuration, or all of its versions.',
        content: {
          'application/json': ['Configuration', 'Configurations'],
          'text/plain': 'Text',
          'application/yaml': 'Text',
        },
        headers: [...ofDocument, 'X-Enabled'],
      },
      304: { summary: 'The caller has it.', headers: [...ofDocument, 'X-Enabled'] },
    },
    examples: [
      { title: 'The only version', after: [made], path: PATH, status: 200, answer: FIRST },
      {
        title: 'Several versions',
        after: [made, changed],
        path: PATH,
        status: 200,
        answer: JSON.stringify({ 0: FIRST, 1: SECOND }),
      },
      {
        title: 'The newest of several',
        after: [made, changed],
        path: `${PATH}&version=latest`,
        status: 200,
        answer: SECOND,
      },
      {
        title: 'A service that is not there',
        path: PATH,
        status: 404,
        answer: '{"error":404,"message":"resource not found","success":false}',
      },
    ],
  },
  POST: {
    ...common,
    takes: writeHeaders,
    input: 'Configuration',
    stores: 'services',
    fails: ['key_exists', 'not_an_object', 'invalid_key', 'key_too_long'],
    answers: {
      200: { summary: 'It is there now.', content: { 'application/json': 'ServiceMade' }, headers: ofWrite },
    },
    examples: [
      {
        title: 'A new service',
        path: PATH,
        body: FIRST,
        status: 200,
        answer:
          '{"ID":1,"enabled":true,"service":"managed-k8s","serviceJSONconf":"{\\"replicas\\":1}",' +
          '"success":true,"total_configs":1}',
      },
      {
        title: 'One that is there already',
        after: [made],
        path: PATH,
        body: FIRST,
        status: 422,
        answer: unprocessable,
      },
    ],
  },
  PATCH: {
    ...common,
    takes: writeHeaders,
    input: 'Configuration',
    bodyless: true,
    stores: 'services',
    fails: ['key_not_found', 'not_an_object'],
    answers: {
      200: {
        summary: 'It is done.',
        content: { 'application/json': 'ServiceDone' },
        headers: [...ofWrite, 'X-Enabled'],
      },
    },
    examples: [
      { title: 'A new version', after: [made], path: PATH, body: SECOND, status: 200, answer: done },
      { title: 'Switches it off', after: [made], path: `${PATH}&enabled=false`, status: 200, answer: done },
    ],
  },
  DELETE: {
    ...common,
    takes: writeHeaders,
    fails: ['key_not_found', 'service_enabled'],
    answers: {
      200: {
        summary: 'It is gone.',
        content: { 'application/json': 'ServiceDone' },
        headers: ['ETag', 'X-Revision', 'X-Durable'],
      },
    },
    examples: [
      { title: 'A service that is switched off', after: [made, off], path: PATH, status: 200, answer: done },
      { title: 'One that is enabled', after: [made], path: PATH, status: 422, answer: unprocessable },
    ],
  },
};
