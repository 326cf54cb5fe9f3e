// Every check can fail: one damage each, and the check that is there for it must name it.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import { checks } from './checks.js';
import { readFacts } from './facts.js';
import { Manifests } from './manifests.js';

const production = Manifests.build(new URL('../../../deploy/kubernetes/overlays/production', import.meta.url).pathname);
const facts = readFacts();

const deployment = (manifests) => manifests.get('Deployment', 'clink-checkout');
const pod = (manifests) => deployment(manifests).spec.template.spec;
const container = (manifests) => pod(manifests).containers[0];
const job = (manifests) => manifests.get('Job', 'clink-checkout-migrate').spec.template.spec;
const cron = (manifests) => manifests.get('CronJob', 'clink-checkout-reconcile').spec;
const month = (manifests) => manifests.get('CronJob', 'clink-checkout-reconcile-month').spec;
const policy = (manifests) => manifests.get('NetworkPolicy', 'clink-checkout').spec;
const callers = (manifests) => manifests.get('NetworkPolicy', 'clink-checkout-callers').spec;
const ingress = (manifests) => manifests.get('Ingress', 'clink-checkout').spec;
const service = (manifests) => manifests.get('Service', 'clink-checkout').spec;
const settings = (manifests) => manifests.documents.find(({ kind }) => kind === 'ConfigMap').data;

const damages = {
    'every kind is one that is known': (m) => { m.get('Job', 'clink-checkout-migrate').apiVersion = 'batch/v7'; },
    'types are right and required fields are there': (m) => { service(m).ports[0].port = 'http'; },
    'no field is unknown': (m) => { container(m).livenessProbe.httpGet.paht = '/livez'; },

    'no pod runs as root or may become it': (m) => { container(m).securityContext.runAsUser = 0; },
    'our pods run as the image says': (m) => { pod(m).securityContext.runAsUser = 10002; },
    'every pod has the default seccomp profile': (m) => { delete job(m).securityContext.seccompProfile; },
    'no container has privileges or writes to its image': (m) => { container(m).securityContext.capabilities.add = ['NET_ADMIN']; },
    'no pod shares anything with its node': (m) => { pod(m).volumes.push({ name: 'node', hostPath: { path: '/' } }); },
    'no pod has a token of Kubernetes': (m) => { delete cron(m).jobTemplate.spec.template.spec.automountServiceAccountToken; },
    'every container is bounded': (m) => { delete container(m).resources.limits; },
    'every image is named by a version': (m) => { container(m).image = 'registry.example/clink-checkout:latest'; },
    'nothing asks our image for a shell or another program': (m) => { container(m).lifecycle = { preStop: { exec: { command: ['sleep', '5'] } } }; },
    'a pod has the time that its drain takes': (m) => { settings(m).DRAIN_DELAY_SECONDS = '15'; },
    'a rollout waits until the replica before has ended': (m) => { deployment(m).spec.minReadySeconds = 30; },
    'a drain waits longer than a create may take': (m) => { settings(m).CLINK_TIMEOUT_MS = '30000'; },
    'probes ask the admin port for what is there': (m) => { container(m).readinessProbe.httpGet.path = '/ready'; },
    'readiness outlasts a failover of the database': (m) => { container(m).readinessProbe.failureThreshold = 4; },
    'a rollout never takes a replica before another one is ready': (m) => { deployment(m).spec.strategy.rollingUpdate.maxUnavailable = 1; },
    'replicas spread over zones and nodes': (m) => { pod(m).topologySpreadConstraints[0].labelSelector.matchLabels = { app: 'other' }; },
    'replicas of a lost node are made anew within a minute': (m) => { pod(m).tolerations.pop(); },
    'jobs say once and truly how they ended': (m) => { cron(m).jobTemplate.spec.template.spec.restartPolicy = 'OnFailure'; },
    'the migration makes room for the next one': (m) => { delete m.get('Job', 'clink-checkout-migrate').spec.ttlSecondsAfterFinished; },
    'a reconciliation is never retried, doubled or endless': (m) => { delete cron(m).jobTemplate.spec.backoffLimit; },
    'a reconciliation has ended before its day has': (m) => { month(m).schedule = '10 3 2 * *'; },
    'a reconciliation survives its node, and nothing else': (m) => {
        cron(m).jobTemplate.spec.podFailurePolicy.rules.push({ action: 'Ignore', onExitCodes: { operator: 'In', values: [3] } });
    },
    'Clink’s own list is walked every month, over the whole month before': (m) => {
        month(m).jobTemplate.spec.template.spec.containers[0].args[3] = 'today-31';
    },
    'who applies from git replaces the migration and keeps former settings': (m) => {
        delete m.all('ConfigMap')[0].metadata.annotations['kustomize.toolkit.fluxcd.io/prune'];
    },

    'every setting is one that the program knows': (m) => { settings(m).DRAIN_DELAY_SECOND = '8'; },
    'a command has the settings that it requires': (m) => { delete settings(m).CLINK_API_BASE_URL; },
    'the program takes its arguments and the values of its settings': (m) => {
        cron(m).jobTemplate.spec.template.spec.containers[0].args[2] = 'yesterday';
    },
    'secrets come as files alone': (m) => { settings(m).CLINK_API_KEY = 'sk_live'; },
    'a file that a setting names is mounted': (m) => { container(m).volumeMounts[0].mountPath = '/run/secrets/other'; },
    'a mounted file is named by a setting': (m) => { container(m).env = container(m).env.filter(({ name }) => name !== 'API_TOKENS_FILE'); },
    'whoever connects to PostgreSQL can check its certificate, where there is an authority for it': (m) => { job(m).containers[0].volumeMounts.pop(); },
    'keys of secrets are those that the README makes': (m) => { pod(m).volumes[0].secret.items[0].key = 'databaseurl'; },
    'the ingress’ certificate is in a secret that the README makes': (m) => { ingress(m).tls[0].secretName = 'checkout-tls'; },
    'secrets reach a running pod and nobody else': (m) => { container(m).volumeMounts[0].subPath = 'database_url'; },
    'the schema’s owner is not the service’s role': (m) => { job(m).volumes[0].secret.secretName = 'clink-checkout'; },
    'config maps and service accounts exist': (m) => { container(m).envFrom[0].configMapRef.name = 'clink-checkout-settings'; },
    'ports are those that the program listens on': (m) => { container(m).ports[0].containerPort = 8000; },
    'a service finds its pods and their ports': (m) => { service(m).selector['app.kubernetes.io/component'] = 'server'; },
    'a selector finds the pods of its own': (m) => { delete deployment(m).spec.selector.matchLabels['app.kubernetes.io/component']; },
    'the replicas’ number is the autoscaler’s': (m) => { deployment(m).spec.replicas = 3; },
    'the disruption budget is for the replicas': (m) => {
        delete m.get('PodDisruptionBudget', 'clink-checkout').spec.selector.matchLabels['app.kubernetes.io/component'];
    },
    'what is scraped is there': (m) => { m.get('PodMonitor', 'clink-checkout').spec.podMetricsEndpoints[0].port = 'metrics'; },

    'the ingress exposes what takes no token, and nothing else': (m) => { ingress(m).rules[0].http.paths[0].path = '/'; },
    'the ingress leads to the service': (m) => { ingress(m).rules[0].http.paths[1].backend.service.port.name = 'admin'; },
    'customers come back to the host of the ingress': (m) => { settings(m).PUBLIC_BASE_URL = 'https://other.example'; },
    'the service does not offer the admin port': (m) => { service(m).ports.push({ name: 'admin', port: 9090, targetPort: 'admin' }); },
    'every pod of ours is under a policy for both directions': (m) => { policy(m).podSelector.matchLabels = { app: 'other' }; },
    'nobody may call a job': (m) => { delete callers(m).podSelector.matchLabels['app.kubernetes.io/component']; },
    'replicas are called by the ingress controller, by callers and by the monitoring': (m) => { delete callers(m).ingress[0].ports; },
    'of the ingress’ namespace only the controller may call': (m) => { delete callers(m).ingress[0].from[0].podSelector; },
    'names, PostgreSQL, Clink and the collector of spans can be reached, by jobs, too': (m) => { callers(m).egress = [policy(m).egress.pop()]; },
    'a link-local address is only asked for names': (m) => { policy(m).egress[0].to[1].ipBlock.cidr = '169.254.0.0/16'; },
    'the way out to Clink leads to no private address': (m) => { delete policy(m).egress[2].to[0].ipBlock.except; },
};

describe('manifests: selftest', () => {
    it('there is a damage for every check', () => assert.deepEqual(Object.keys(damages).sort(), Object.keys(checks).sort()));
    for (const [what, damage] of Object.entries(damages)) {
        it(`can fail: ${what}`, () => {
            const damaged = production.copy();
            damage(damaged);
            assert.notDeepEqual(checks[what](damaged, facts), []);
        });
    }
});
