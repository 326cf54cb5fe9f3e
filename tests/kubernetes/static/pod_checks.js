// What every pod must be: without privileges, bounded, stoppable in time. Each check gives its offences.
import { isDeepStrictEqual } from 'node:util';

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

    'readiness outlasts a failover of the database'(manifests) {
        return ofContainers(manifests.ours().filter((pod) => pod.owner.kind === 'Deployment'), ({ readinessProbe }) => {
            const seconds = readinessProbe.periodSeconds * (readinessProbe.failureThreshold - 1); // from the first failure to the last
            return seconds < 120 && `the replicas leave the Service after ${seconds} s`;
        });
    },

    'a rollout never takes a replica before another one is ready'(manifests) {
        const { strategy } = manifests.get('Deployment', 'clink-checkout').spec;
        return strategy.rollingUpdate?.maxUnavailable === 0 && strategy.rollingUpdate.maxSurge > 0 ? [] : [JSON.stringify(strategy)];
    },

    'replicas spread over zones and nodes'(manifests) {
        const { spec, labels } = manifests.pods().find(({ owner }) => label(owner) === 'Deployment clink-checkout');
        const spread = (spec.topologySpreadConstraints ?? []).filter(({ labelSelector }) =>
            Object.entries(labelSelector.matchLabels).every(([name, value]) => labels[name] === value));
        return [
            ...['topology.kubernetes.io/zone', 'kubernetes.io/hostname'].filter((key) => !spread.some(({ topologyKey }) => topologyKey === key)),
            ...spread.filter(({ matchLabelKeys }) => matchLabelKeys?.join() !== 'pod-template-hash').map(({ topologyKey }) => `${topologyKey}: other versions`),
        ];
    },

    'replicas of a lost node are made anew within a minute'(manifests) {
        const { tolerations = [] } = manifests.get('Deployment', 'clink-checkout').spec.template.spec;
        return ['node.kubernetes.io/not-ready', 'node.kubernetes.io/unreachable']
            .filter((key) => !tolerations.some((one) => one.key === key && one.effect === 'NoExecute' && one.tolerationSeconds <= 60));
    },

    'jobs say once and truly how they ended'(manifests) {
        return ofPods(manifests.ours().filter((pod) => pod.owner.kind !== 'Deployment'), ({ spec }) => spec.restartPolicy !== 'Never' && 'restartPolicy');
    },

    'the migration makes room for the next one'(manifests) {
        const { ttlSecondsAfterFinished: seconds } = manifests.get('Job', 'clink-checkout-migrate').spec;
        return seconds >= 3600 ? [] : [`ttlSecondsAfterFinished ${seconds}`]; // not before somebody has read its log
    },

    'a reconciliation is never retried, doubled or endless'(manifests) {
        return manifests.all('CronJob').flatMap((cronJob) => [
            cronJob.spec.concurrencyPolicy !== 'Forbid' && 'concurrencyPolicy',
            cronJob.spec.jobTemplate.spec.backoffLimit !== 0 && 'backoffLimit',
            !(cronJob.spec.jobTemplate.spec.ttlSecondsAfterFinished >= 86400) && 'ttlSecondsAfterFinished',
        ].filter(Boolean).map((text) => `${label(cronJob)}: ${text}`));
    },

    /** Its range is of the day: taken up on another day it would be another range. */
    'a reconciliation has ended before its day has'(manifests) {
        return manifests.all('CronJob').filter(({ spec }) => {
            const [minute, hour] = spec.schedule.split(' ').map(Number);
            const latest = hour * 3600 + minute * 60 + spec.startingDeadlineSeconds + spec.jobTemplate.spec.activeDeadlineSeconds;
            return !(spec.timeZone === 'Etc/UTC' && latest < 86400);
        }).map(label);
    },

    'a reconciliation survives its node, and nothing else'(manifests) {
        const expected = [{ action: 'Ignore', onPodConditions: [{ type: 'DisruptionTarget', status: 'True' }] }];
        const wanted = { 'cluster-autoscaler.kubernetes.io/safe-to-evict': 'false', 'karpenter.sh/do-not-disrupt': 'true' };
        return manifests.all('CronJob').flatMap((cronJob) => {
            const { podFailurePolicy, template } = cronJob.spec.jobTemplate.spec;
            return [
                !isDeepStrictEqual(podFailurePolicy?.rules, expected) && 'podFailurePolicy',
                ...Object.entries(wanted).map(([name, value]) => template.metadata.annotations?.[name] !== value && name),
            ].filter(Boolean).map((text) => `${label(cronJob)}: ${text}`);
        });
    },

    'Clink’s own list is walked every month, over the whole month before'(manifests) {
        return manifests.all('CronJob').some(({ spec }) => {
            const { args } = spec.jobTemplate.spec.template.spec.containers[0];
            const days = /^today-(\d+)$/.exec(args[args.indexOf('--from') + 1])?.[1];
            const [, , day, month, weekday] = spec.schedule.split(' ');
            return args.includes('--all') && Number(days) >= Number(day) - 1 + 31 && `${month} ${weekday}` === '* *';
        }) ? [] : ['no CronJob does'];
    },

    'who applies from git replaces the migration and keeps former settings'(manifests) {
        const lacking = (document, wanted) => Object.entries(wanted)
            .filter(([name, value]) => document.metadata.annotations?.[name] !== value).map(([name]) => `${label(document)}: ${name}`);
        return [
            ...lacking(manifests.get('Job', 'clink-checkout-migrate'), {
                'argocd.argoproj.io/hook': 'PreSync', 'argocd.argoproj.io/hook-delete-policy': 'BeforeHookCreation',
                'kustomize.toolkit.fluxcd.io/force': 'enabled',
            }),
            ...manifests.all('ConfigMap').flatMap((map) => lacking(map, {
                'argocd.argoproj.io/sync-options': 'Prune=false', 'argocd.argoproj.io/compare-options': 'IgnoreExtraneous',
                'kustomize.toolkit.fluxcd.io/prune': 'disabled',
            })),
        ];
    },
};
