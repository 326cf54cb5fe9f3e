// Who may reach what: the ingress and the network policies.
import { label, selects } from './manifests.js';

const namespaceOf = ({ namespaceSelector }) =>
    Object.entries(namespaceSelector?.matchLabels ?? {}).map((pair) => pair.join('=')).join() || 'any namespace';

const policiesFor = (manifests, { labels }) =>
    manifests.all('NetworkPolicy').filter(({ spec }) => selects(spec.podSelector.matchLabels, labels));

/** `port from` for each way into or out of a pod. */
const ways = (manifests, pod, direction, ends) =>
    policiesFor(manifests, pod).flatMap(({ spec }) =>
        (spec[direction] ?? []).flatMap((rule) =>
            (rule.ports ?? [{ port: 'any port' }]).flatMap(({ port }) =>
                (rule[ends] ?? [{}]).map((end) => `${port} ${end.ipBlock ? end.ipBlock.cidr : namespaceOf(end)}`))));

const replicas = (manifests) => manifests.pods().find(({ owner }) => label(owner) === 'Deployment clink-checkout');

const isPrivate = (cidr) => /^(10\.|172\.(1[6-9]|2\d|3[01])\.|192\.168\.|f[cd])/.test(cidr);

/** Where NodeLocal DNSCache listens, and GKE's Cloud DNS, whose address is the metadata server's: for names alone. */
const nodeLocalNames = '169.254.20.10/32';
const linkLocalNames = [nodeLocalNames, '169.254.169.254/32'];

export const trafficChecks = {
    'the ingress exposes what takes no token, and nothing else'(manifests) {
        return manifests.all('Ingress').flatMap(({ spec }) => {
            const paths = spec.rules.flatMap((rule) =>
                (rule.http?.paths ?? []).map(({ path, pathType }) => `${rule.host ? '' : 'any host '}${pathType} ${path}`));
            const expected = ['Prefix /checkout/', 'Prefix /webhooks/'];
            return paths.join() === expected.join() && !spec.defaultBackend ? [] : [paths.join(), JSON.stringify(spec.defaultBackend)];
        });
    },

    'the ingress leads to the service'(manifests) {
        return manifests.all('Ingress').flatMap(({ spec }) =>
            spec.rules.flatMap((rule) => rule.http.paths).map(({ backend }) => backend.service)
                .filter(({ name, port }) => !manifests.find('Service', name)?.spec.ports.some((offered) => offered.name === port.name))
                .map(({ name, port }) => `${name}:${port.name}`));
    },

    'customers come back to the host of the ingress'(manifests) {
        const pods = replicas(manifests);
        const base = new URL(manifests.environment(pods.containers[0]).PUBLIC_BASE_URL);
        return manifests.all('Ingress').flatMap(({ spec }) => {
            const secure = (spec.tls ?? []).some(({ hosts }) => hosts.includes(base.hostname));
            return spec.rules.every(({ host }) => host === base.hostname) && secure === (base.protocol === 'https:') ? [] : [base.href];
        });
    },

    'the service does not offer the admin port'(manifests) {
        const isAdmin = ({ port, targetPort }) => [port, targetPort].some((end) => end === 9090 || end === 'admin');
        return manifests.all('Service').filter(({ spec }) => spec.ports.some(isAdmin)).map(label);
    },

    'every pod of ours is under a policy for both directions'(manifests) {
        return manifests.ours()
            .filter((pod) => !['Ingress', 'Egress'].every((type) => policiesFor(manifests, pod).some(({ spec }) => spec.policyTypes.includes(type))))
            .map(({ owner }) => label(owner));
    },

    'nobody may call a job'(manifests) {
        return manifests.ours().filter(({ owner }) => owner.kind !== 'Deployment')
            .flatMap((pod) => ways(manifests, pod, 'ingress', 'from').map((way) => `${label(pod.owner)}: ${way}`));
    },

    'replicas are called by the ingress controller, by callers and by the monitoring'(manifests) {
        const expected = [
            'http kubernetes.io/metadata.name=ingress-nginx', 'http clink-checkout/caller=true', 'admin kubernetes.io/metadata.name=monitoring'];
        // A cloud's load balancer comes from outside the cluster: blocks, of component load-balancer, which hold not everybody.
        const isBalancers = (way) => manifests.find('NetworkPolicy', 'clink-checkout-load-balancer') && /^(http|admin) \d[\d.]+\/([89]|[1-3]\d)$/.test(way);
        const found = ways(manifests, replicas(manifests), 'ingress', 'from').filter((way) => !isBalancers(way));
        return found.sort().join() === expected.sort().join() ? [] : found;
    },

    'of the ingress’ namespace only the controller may call'(manifests) {
        return policiesFor(manifests, replicas(manifests)).flatMap(({ spec }) => (spec.ingress ?? []).flatMap(({ from }) => from ?? []))
            .filter((end) => namespaceOf(end).endsWith('=ingress-nginx') && !end.podSelector).map(namespaceOf);
    },

    'names, PostgreSQL, Clink and the collector of spans can be reached, by jobs, too'(manifests) {
        return manifests.ours().flatMap((pod) => {
            const found = ways(manifests, pod, 'egress', 'to');
            const needed = [
                '53 kubernetes.io/metadata.name=kube-system', `53 ${nodeLocalNames}`, '5432 ', '443 0.0.0.0/0',
                '4318 kubernetes.io/metadata.name=monitoring',
            ];
            return needed
                .filter((way) => !found.some((one) => one.startsWith(way))).map((way) => `${label(pod.owner)}: ${way}`);
        });
    },

    'a link-local address is only asked for names'(manifests) {
        return manifests.ours().flatMap((pod) => ways(manifests, pod, 'egress', 'to'))
            .filter((way) => / 169\.254\./.test(way) && !linkLocalNames.some((cidr) => way === `53 ${cidr}`));
    },

    'the way out to Clink leads to no private address'(manifests) {
        const blocks = manifests.all('NetworkPolicy').flatMap(({ spec }) => (spec.egress ?? []).flatMap(({ to }) => to ?? []))
            .map(({ ipBlock }) => ipBlock).filter((block) => block && !isPrivate(block.cidr) && !linkLocalNames.includes(block.cidr));
        const inner = (cidr) => (cidr.includes(':') ? ['fc00::/7', 'fe80::/10'] : ['10.0.0.0/8', '169.254.0.0/16', '172.16.0.0/12', '192.168.0.0/16']);
        return blocks.filter(({ cidr, except }) => !inner(cidr).every((block) => (except ?? []).includes(block))).map(({ cidr }) => cidr);
    },
};
