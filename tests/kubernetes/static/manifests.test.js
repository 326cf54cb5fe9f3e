// Every check on what kustomize makes of every overlay.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import { checks } from './checks.js';
import { readFacts } from './facts.js';
import { Manifests } from './manifests.js';

const overlays = {
    production: '../../../deploy/kubernetes/overlays/production',
    sandbox: '../../../deploy/kubernetes/overlays/sandbox',
    'production with TLS on the pods': 'production_with_tls',
    'production with a read replica': 'production_with_read_replica',
    'production with headers for spans': 'production_with_traces',
    'production with IPv6': 'production_with_ipv6',
    'production behind a cloud’s load balancer': 'production_with_load_balancer',
};
const facts = readFacts();

for (const [name, path] of Object.entries(overlays)) {
    describe(`manifests: ${name}`, () => {
        const manifests = Manifests.build(new URL(path, import.meta.url).pathname);
        for (const [what, find] of Object.entries(checks)) it(what, () => assert.deepEqual(find(manifests, facts), []));
    });
}
