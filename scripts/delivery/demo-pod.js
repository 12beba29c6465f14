/**
 * Prints what `podman play kube` makes the pod of k8s/cairn.yaml of: a Pod out of the StatefulSet, its token, and its
 * ConfigMap, under names that begin with POD. From the environment: POD, IMAGE, PORT, METRICS_PORT,
 * PROMETHEUS_PORT (empty: it runs elsewhere), and STATE, the folder with the file `token`.
 *
 * The security of the pod, its environment and its mounts are those of the chart. What needs a cluster is left out:
 * the probes and the preStop, for which podman would look for a program in the image, and the service account.
 */
import { readFileSync } from 'node:fs';
import { parseAllDocuments, stringify } from 'yaml';

const { POD, IMAGE, PORT, METRICS_PORT, PROMETHEUS_PORT, STATE } = process.env;
const manifests = parseAllDocuments(readFileSync(new URL('../../k8s/cairn.yaml', import.meta.url), 'utf8'))
  .map(document => document.toJS())
  .filter(Boolean);
const only = kind => manifests.find(manifest => manifest.kind === kind);
const renamed = name => name.replace(/^cairn/, POD);

const set = only('StatefulSet');
const { serviceAccountName: _, volumes, containers, ...rest } = set.spec.template.spec;
const [{ startupProbe, readinessProbe, livenessProbe, lifecycle, ...container }] = containers;
const published = (containerPort, hostPort) => ({
  containerPort,
  hostPort: Number(hostPort),
  hostIP: '127.0.0.1',
});

// podman 4 falls over a volume that does not say whether it is optional, and hands a Secret to the pod in base64. So the
// token goes the way of a ConfigMap: in a volume of podman, as a Secret would be too.
const mounted = volumes.map(({ name, secret, configMap }) => ({
  name,
  configMap: {
    name: renamed(secret?.secretName ?? configMap.name),
    items: secret?.items ?? configMap.items,
    optional: false,
  },
}));
const claims = set.spec.volumeClaimTemplates.map(({ metadata: { name } }) => ({
  name,
  persistentVolumeClaim: { claimName: `${POD}-${name}` },
}));

const documents = [
  {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name: `${POD}-token` },
    data: { token: readFileSync(`${STATE}/token`, 'utf8').trim() },
  },
  ...manifests
    .filter(({ kind }) => kind === 'ConfigMap')
    .map(({ metadata, ...map }) => ({ ...map, metadata: { name: renamed(metadata.name) } })),
  {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: POD, labels: set.spec.template.metadata.labels },
    spec: {
      ...rest,
      restartPolicy: 'Always',
      containers: [
        {
          ...container,
          image: IMAGE,
          ports: [
            published(3000, PORT),
            published(9091, METRICS_PORT),
            ...(PROMETHEUS_PORT ? [published(9090, PROMETHEUS_PORT)] : []),
          ],
        },
      ],
      volumes: [...mounted, ...claims],
    },
  },
];
process.stdout.write(documents.map(document => stringify(document)).join('---\n'));
