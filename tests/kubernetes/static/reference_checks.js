// Whether names lead somewhere: settings, keys of Secrets and ConfigMaps, ports, selectors.
import { isOurs, label, selects } from './manifests.js';

const commandOf = (container) => (container.args ?? [])[0];

/** Offences over the containers that run our program. */
const ofOurContainers = (manifests, rule) =>
    manifests.ours().flatMap((pod) =>
        pod.containers.filter(isOurs).flatMap((container) => [rule(container, pod)].flat().filter(Boolean).map((text) => `${label(pod.owner)}: ${text}`)));

/** The files that a container finds, as `{path: {secret, key}}`. */
function mountedFiles(container, { spec }) {
    const files = {};
    for (const { name, mountPath } of container.volumeMounts ?? []) {
        const { secret } = (spec.volumes ?? []).find((volume) => volume.name === name) ?? {};
        for (const { key, path } of secret?.items ?? []) files[`${mountPath}/${path}`] = { secret: secret.secretName, key };
    }
    return files;
}

/** libpq reads it, because a connection string names it and no setting does. */
const databaseAuthority = '/run/secrets/database/ca.crt';

const portNamed = (container, name) => (container.ports ?? []).find((port) => port.name === name)?.containerPort;

export const referenceChecks = {
    'every setting is one that the program knows'(manifests, { settings }) {
        const known = (name) => name in settings || (name.endsWith('_FILE') && settings[name.slice(0, -5)]?.file);
        return ofOurContainers(manifests, (container) => Object.keys(manifests.environment(container)).filter((name) => !known(name)));
    },

    'a command has the settings that it requires'(manifests, { settings }) {
        return ofOurContainers(manifests, (container) => {
            const given = manifests.environment(container);
            return Object.keys(settings)
                .filter((name) => settings[name].requiredBy.includes(commandOf(container)))
                .filter((name) => !given[name] && !given[`${name}_FILE`]);
        });
    },

    /** Without the files it does not start, and says what else it does not like. */
    'the program takes its arguments and the values of its settings'(manifests, { complaints }) {
        return ofOurContainers(manifests, (container) => {
            const given = manifests.environment(container);
            const values = Object.fromEntries(Object.entries(given).filter(([name]) => !name.endsWith('_FILE')));
            const [head, ...lines] = complaints(container.args, values);
            const missing = (line) => given[`${/^ {2}(\w+) is required/.exec(line)?.[1]}_FILE`];
            return /^clink-checkout: the configuration is wrong/.test(head) ? lines.filter((line) => !missing(line)) : [head];
        });
    },

    'secrets come as files alone'(manifests, { settings }) {
        return ofOurContainers(manifests, (container) =>
            Object.keys(manifests.environment(container)).filter((name) => settings[name]?.file));
    },

    'a file that a setting names is mounted'(manifests) {
        return ofOurContainers(manifests, (container, pod) => {
            const files = mountedFiles(container, pod);
            return Object.entries(manifests.environment(container))
                .filter(([name, path]) => name.endsWith('_FILE') && !(path in files))
                .map(([name, path]) => `${name}: ${path}`);
        });
    },

    'a mounted file is named by a setting'(manifests) {
        return ofOurContainers(manifests, (container, pod) => {
            const named = new Set([...Object.values(manifests.environment(container)), databaseAuthority]);
            return Object.keys(mountedFiles(container, pod)).filter((path) => !named.has(path));
        });
    },

    'whoever connects to PostgreSQL can check its certificate, where there is an authority for it'(manifests, { authorities }) {
        return ofOurContainers(manifests, (container, pod) => {
            const found = mountedFiles(container, pod)[databaseAuthority];
            const volume = pod.spec.volumes.find(({ secret }) => secret?.secretName === found?.secret);
            return [!found && databaseAuthority, found && volume.secret.optional !== true && 'it has to be there',
                !authorities.has(databaseAuthority) && 'the README names another file'];
        });
    },

    'keys of secrets are those that the README makes'(manifests, { secrets }) {
        return ofOurContainers(manifests, (container, pod) =>
            Object.values(mountedFiles(container, pod))
                .filter(({ secret, key }) => !secrets[secret]?.has(key) && !manifests.find('Secret', secret)?.stringData?.[key])
                .map(({ secret, key }) => `${secret}: ${key}`));
    },

    'the ingress’ certificate is in a secret that the README makes'(manifests, { secrets }) {
        // AWS's load balancer takes it from elsewhere, by the host.
        return manifests.all('Ingress').flatMap(({ spec }) => (spec.tls ?? []).filter(({ secretName }) => secretName || spec.ingressClassName !== 'alb'))
            .map(({ secretName }) => secretName).filter((name) => !secrets[name]?.has('tls.key'));
    },

    'secrets reach a running pod and nobody else'(manifests) {
        return ofOurContainers(manifests, (container, { spec }) => [
            ...(container.volumeMounts ?? []).filter((mount) => mount.subPath || mount.subPathExpr).map(({ name }) => `${name}: subPath`),
            ...(container.volumeMounts ?? []).filter((mount) => mount.readOnly !== true).map(({ name }) => `${name}: writable`),
            ...spec.volumes.filter(({ secret }) => secret && !secret.items).map(({ name }) => `${name}: every key`),
            ...spec.volumes.filter(({ secret }) => secret && secret.defaultMode !== 0o440).map(({ name }) => `${name}: mode`),
            spec.securityContext.fsGroup !== 10001 && 'fsGroup',
        ]);
    },

    'the schema’s owner is not the service’s role'(manifests) {
        const secretOf = (command) =>
            manifests.ours().filter(({ containers }) => containers.some((container) => isOurs(container) && commandOf(container) === command))
                .flatMap(({ spec }) => spec.volumes.filter(({ secret }) => secret.items.some(({ key }) => key === 'database_url')))
                .map(({ secret }) => secret.secretName);
        return secretOf('migrate').filter((secret) => secretOf('serve').includes(secret) || secretOf('reconcile').includes(secret));
    },

    'config maps and service accounts exist'(manifests) {
        return manifests.pods().flatMap(({ owner, spec, containers }) => [
            ...containers.flatMap(({ envFrom }) => envFrom ?? []).map(({ configMapRef }) => configMapRef?.name)
                .filter((name) => !manifests.find('ConfigMap', name)),
            ...(spec.volumes ?? []).map(({ configMap }) => configMap?.name).filter((name) => name && !manifests.find('ConfigMap', name)),
            ...[spec.serviceAccountName].filter((name) => name && !manifests.find('ServiceAccount', name)),
        ].map((name) => `${label(owner)}: ${name}`));
    },

    'ports are those that the program listens on'(manifests) {
        return ofOurContainers(manifests, (container) => {
            if (commandOf(container) !== 'serve') return [];
            const settings = manifests.environment(container);
            return [['LISTEN_ADDRESS', 'http'], ['ADMIN_LISTEN_ADDRESS', 'admin']]
                .filter(([setting, name]) => !['0.0.0.0', '[::]'].some((every) => settings[setting] === `${every}:${portNamed(container, name)}`))
                .map(([setting]) => setting);
        });
    },

    'a service finds its pods and their ports'(manifests) {
        return manifests.all('Service').flatMap((service) => {
            const pods = manifests.pods().filter(({ labels }) => service.spec.selector && selects(service.spec.selector, labels));
            if (pods.length !== 1 || pods[0].owner.kind !== 'Deployment')
                return [`${label(service)}: selects ${pods.map(({ owner }) => label(owner)).join() || 'nothing'}`];
            return service.spec.ports
                .filter(({ targetPort }) => !pods[0].containers.some((container) => portNamed(container, targetPort)))
                .map(({ targetPort }) => `${label(service)}: ${targetPort}`);
        });
    },

    'a selector finds the pods of its own'(manifests) {
        const template = ({ spec }) => spec.template.metadata.labels;
        return manifests.all('Deployment')
            .filter((deployment) => {
                const others = manifests.pods().filter(({ owner, labels }) => owner !== deployment && selects(deployment.spec.selector.matchLabels, labels));
                return others.length > 0 || !selects(deployment.spec.selector.matchLabels, template(deployment));
            }).map(label);
    },

    'the replicas’ number is the autoscaler’s'(manifests) {
        const scaler = manifests.get('HorizontalPodAutoscaler', 'clink-checkout').spec;
        const target = manifests.find(scaler.scaleTargetRef.kind, scaler.scaleTargetRef.name);
        return [
            target?.apiVersion !== scaler.scaleTargetRef.apiVersion && 'it has no target',
            target && 'replicas' in target.spec && 'an apply would set it back',
            !(scaler.minReplicas >= 2 && scaler.maxReplicas > scaler.minReplicas) && 'bounds',
        ].filter(Boolean);
    },

    'the disruption budget is for the replicas'(manifests) {
        const { spec } = manifests.get('PodDisruptionBudget', 'clink-checkout');
        const found = manifests.pods().filter(({ labels }) => selects(spec.selector.matchLabels, labels)).map(({ owner }) => label(owner));
        return found.join() === 'Deployment clink-checkout' && spec.maxUnavailable === 1 ? [] : [found.join(), `maxUnavailable ${spec.maxUnavailable}`];
    },

    'what is scraped is there'(manifests, { paths }) {
        return manifests.all('PodMonitor').flatMap(({ spec }) => {
            const pods = manifests.pods().filter(({ labels }) => selects(spec.selector.matchLabels, labels));
            return [
                pods.map(({ owner }) => label(owner)).join() !== 'Deployment clink-checkout' && 'it selects others',
                pods.some(({ labels }) => labels[spec.jobLabel] !== 'clink-checkout') && 'the rules know another job',
                ...spec.podMetricsEndpoints.flatMap(({ port, path }) => [
                    !paths.has(path) && path,
                    !pods.every(({ containers }) => containers.some((container) => portNamed(container, port))) && port,
                ]),
            ].filter(Boolean);
        });
    },
};
