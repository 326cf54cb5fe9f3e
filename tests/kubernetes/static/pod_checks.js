// What every pod must be: without privileges, bounded, stoppable in time. Each check gives its offences.
import { isOurs, label } from './manifests.js';

/** An offence for each pod of which `rule(pod)` says something. */
const ofPods = (pods, rule) =>
    pods.flatMap((pod) => [rule(pod)].flat().filter(Boolean).map((text) => `${label(pod.owner)}: ${text}`));

/** The same for each container. */
const ofContainers = (pods, rule) =>
    ofPods(pods, (pod) =>
        pod.containers.flatMap((container) => [rule(container, pod)].flat().filter(Boolean).map((text) => `${container.name}: ${text}`)));

const isQuantity = (value) => /^\d+(\.\d+)?(m|[KMG]i?)?$/.test(String(value ?? ''));

export const podChecks = {
    'no pod runs as root or may become it'(manifests) {
        return ofPods(manifests.pods(), ({ spec, containers }) => [
            spec.securityContext?.runAsNonRoot !== true && 'runAsNonRoot is not true',
            !(spec.securityContext?.runAsUser >= 100) && 'no user by number',
            ...containers.map(({ securityContext: own }) =>
                (own?.runAsNonRoot === false || own?.runAsUser === 0) && 'a container takes it back'),
        ]);
    },

    'our pods run as the image says'(manifests) {
        return ofPods(manifests.ours(), ({ spec }) => spec.securityContext?.runAsUser !== 10001 && 'runAsUser is not 10001');
    },

    'every pod has the default seccomp profile'(manifests) {
        return ofPods(manifests.pods(), ({ spec }) => spec.securityContext?.seccompProfile?.type !== 'RuntimeDefault' && 'another profile');
    },

    'no container has privileges or writes to its image'(manifests) {
        return ofContainers(manifests.pods(), ({ securityContext: context }) => [
            context?.allowPrivilegeEscalation !== false && 'allowPrivilegeEscalation is not false',
            context?.readOnlyRootFilesystem !== true && 'readOnlyRootFilesystem is not true',
            context?.capabilities?.drop?.join() !== 'ALL' && 'capabilities are kept',
            (context?.capabilities?.add ?? []).length > 0 && 'capabilities are added',
            context?.privileged === true && 'privileged',
        ]);
    },

    'no pod shares anything with its node'(manifests) {
        return ofPods(manifests.pods(), ({ spec, containers }) => [
            ...['hostNetwork', 'hostPID', 'hostIPC'].map((name) => spec[name] && name),
            (spec.volumes ?? []).some((volume) => volume.hostPath) && 'hostPath',
            containers.some(({ ports }) => (ports ?? []).some((port) => port.hostPort)) && 'hostPort',
        ]);
    },

    'no pod has a token of Kubernetes'(manifests) {
        const accounts = manifests.all('ServiceAccount').filter((account) => account.automountServiceAccountToken !== false);
        return [
            ...ofPods(manifests.pods(), ({ spec }) => spec.automountServiceAccountToken !== false && 'automountServiceAccountToken is not false'),
            ...accounts.map((account) => `${label(account)}: automountServiceAccountToken is not false`),
        ];
    },

    'every container is bounded'(manifests) {
        return ofContainers(manifests.pods(), ({ resources }) => [
            !isQuantity(resources?.requests?.cpu) && 'no request for the CPU',
            !isQuantity(resources?.requests?.memory) && 'no request for memory',
            !isQuantity(resources?.limits?.memory) && 'no limit of memory',
        ]);
    },

    'every image is named by a version'(manifests) {
        return ofContainers(manifests.pods(), ({ image }) => !/(:(?!latest$)[\w.-]+|@sha256:[0-9a-f]{64})$/.test(image) && image);
    },

    'nothing asks our image for a shell or another program'(manifests) {
        return ofContainers(manifests.ours(), (container) => isOurs(container) && [
            container.command && 'command replaces the image’s entry point',
            ['postStart', 'preStop'].some((name) => container.lifecycle?.[name]?.exec) && 'lifecycle.exec',
            ['startupProbe', 'livenessProbe', 'readinessProbe'].some((name) => container[name]?.exec) && 'a probe executes something',
        ]);
    },

    'a pod has the time that its drain takes'(manifests) {
        return ofPods(manifests.ours().filter((pod) => pod.owner.kind === 'Deployment'), ({ spec, containers }) => {
            const settings = manifests.environment(containers.find(isOurs));
            const drain = Number(settings.DRAIN_DELAY_SECONDS) + Number(settings.DRAIN_TIMEOUT_SECONDS) + 5; // to end for certain
            return !(spec.terminationGracePeriodSeconds > drain) && `${spec.terminationGracePeriodSeconds} s for a drain of ${drain} s`;
        });
    },

    'a rollout waits until the replica before has ended'(manifests) {
        const [pod] = manifests.ours().filter(({ owner }) => owner.kind === 'Deployment');
        const settings = manifests.environment(pod.containers.find(isOurs));
        const drain = Number(settings.DRAIN_DELAY_SECONDS) + Number(settings.DRAIN_TIMEOUT_SECONDS) + 5;
        const { minReadySeconds = 0, progressDeadlineSeconds = 600 } = pod.owner.spec;
        return minReadySeconds >= drain && progressDeadlineSeconds > minReadySeconds ? [] : [`${minReadySeconds} s for a drain of ${drain} s`];
    },

    'a drain waits longer than a create may take'(manifests) {
        return ofPods(manifests.ours().filter((pod) => pod.owner.kind === 'Deployment'), ({ containers }) => {
            const settings = manifests.environment(containers.find(isOurs));
            return !(Number(settings.DRAIN_TIMEOUT_SECONDS) * 1000 > Number(settings.CLINK_TIMEOUT_MS) + 5000) && 'DRAIN_TIMEOUT_SECONDS';
        });
    },

    'probes ask the admin port for what is there'(manifests, { paths }) {
        return ofContainers(manifests.ours().filter((pod) => pod.owner.kind === 'Deployment'), (container) =>
            ['startupProbe', 'livenessProbe', 'readinessProbe'].map((name) => {
                const get = container[name]?.httpGet;
                if (!get) return `${name} is missing`;
                if (get.port !== 'admin') return `${name} asks port ${get.port}`;
                return (name === 'readinessProbe' ? get.path !== '/readyz' : get.path !== '/livez') || !paths.has(get.path)
                    ? `${name} asks for ${get.path}` : false;
            }),
        );
    },

    'a rollout never takes a replica before another one is ready'(manifests) {
        const { strategy } = manifests.get('Deployment', 'clink-checkout').spec;
        return strategy.rollingUpdate?.maxUnavailable === 0 && strategy.rollingUpdate.maxSurge > 0 ? [] : [JSON.stringify(strategy)];
    },

    'replicas spread over zones and nodes'(manifests) {
        const { spec, labels } = manifests.pods().find(({ owner }) => label(owner) === 'Deployment clink-checkout');
        const spread = (spec.topologySpreadConstraints ?? []).filter(({ labelSelector }) =>
            Object.entries(labelSelector.matchLabels).every(([name, value]) => labels[name] === value));
        return ['topology.kubernetes.io/zone', 'kubernetes.io/hostname'].filter((key) => !spread.some(({ topologyKey }) => topologyKey === key));
    },

    'jobs say once and truly how they ended'(manifests) {
        return ofPods(manifests.ours().filter((pod) => pod.owner.kind !== 'Deployment'), ({ spec }) => spec.restartPolicy !== 'Never' && 'restartPolicy');
    },

    'the migration makes room for the next one'(manifests) {
        const { ttlSecondsAfterFinished: seconds } = manifests.get('Job', 'clink-checkout-migrate').spec;
        return seconds >= 3600 ? [] : [`ttlSecondsAfterFinished ${seconds}`]; // not before somebody has read its log
    },

    'the reconciliation is never retried, doubled or endless'(manifests) {
        const { spec } = manifests.get('CronJob', 'clink-checkout-reconcile');
        return [
            spec.concurrencyPolicy !== 'Forbid' && 'concurrencyPolicy',
            spec.jobTemplate.spec.backoffLimit !== 0 && 'backoffLimit',
            !(spec.jobTemplate.spec.activeDeadlineSeconds < 86400) && 'activeDeadlineSeconds',
        ].filter(Boolean);
    },
};
