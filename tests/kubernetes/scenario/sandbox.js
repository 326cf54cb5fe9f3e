// The sandbox on the cluster: its secrets, its neighbours, the release, and how to talk to them.
import { execFile } from 'node:child_process';
import { randomBytes, createHash } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

import pg from 'pg';
import { stringify } from 'yaml';

import { Authority } from '../../e2e/support/certificates.js';
import { exchange } from '../../e2e/support/http.js';
import { Manifests } from '../static/manifests.js';
import { eventually, kubectl } from './kubectl.js';
import { forOldServer } from './old_server.js';

const run = promisify(execFile);
const path = (relative) => new URL(relative, import.meta.url).pathname;
const secret = () => randomBytes(24).toString('hex');

export class Sandbox {
    // Of the Services, as tests/kubernetes/overlay fixes them.
    base = 'http://203.0.113.20:8080';
    twinBase = 'https://203.0.113.22:8443';

    constructor() {
        this.directory = mkdtempSync(join(tmpdir(), 'clink-checkout-sandbox.'));
        this.manifests = forOldServer(Manifests.build(path('../overlay')));
        this.apiKey = `sk_test_${secret()}`;
        this.token = secret();
        this.passwords = { superuser: secret(), owner: secret(), app: secret() };
    }

    #file(name, content) {
        const file = join(this.directory, name);
        writeFileSync(file, content, { mode: 0o600 });
        return file;
    }

    #write(name, documents) {
        return this.#file(name, documents.map((document) => stringify(document)).join('---\n'));
    }

    #secret(name, values) {
        const words = Object.entries(values).map(([key, value]) => `--from-file=${key}=${this.#file(`${name}.${key}`, value)}`);
        return kubectl('create', 'secret', 'generic', name, ...words);
    }

    async #makeSecrets() {
        const url = (role) => `postgresql://checkout_${role}:${this.passwords[role]}@postgres:5432/checkout`;
        const digest = createHash('sha256').update(this.token).digest('hex');
        this.authority = await Authority.create('the test’s Clink');
        const certificate = await this.authority.issue('twin', ['DNS:clink-twin']);
        await this.#secret('clink-checkout', {
            database_url: url('app'), clink_api_key: this.apiKey, clink_webhook_signing_key: secret(),
            api_tokens: `shop:storefront+finance+operator:${digest}\n`, redirect_signing_key: secret(),
        });
        await this.#secret('clink-checkout-migrate', { database_url: url('owner') });
        await this.#secret('clink-twin', { 'tls.crt': certificate.cert, 'tls.key': certificate.key, 'ca.crt': certificate.ca });
        await this.#secret('postgres', this.passwords);
    }

    /** Namespace, secrets, and the pods beside the service. */
    async prepare() {
        const isNeighbour = ({ metadata }) => /^(postgres|clink-twin)/.test(metadata.name);
        const namespaces = this.manifests.all('Namespace');
        await kubectl('apply', '-f', this.#write('namespace.yaml', namespaces));
        await this.#makeSecrets();
        await kubectl('apply', '-f', this.#write('neighbours.yaml', this.manifests.documents.filter(isNeighbour)));
        for (const name of ['postgres', 'clink-twin']) await kubectl('rollout', 'status', `deployment/${name}`, '--timeout=5m');
        this.database = new pg.Pool({
            host: '203.0.113.21', user: 'postgres', password: this.passwords.superuser, database: 'checkout', max: 2,
        });
        // A pod is ready a moment before the node's rules know the way from its Service to it.
        const answers = (asked) => asked.then(() => true, () => false);
        await eventually('PostgreSQL answers through its Service', () => answers(this.database.query('select 1')));
        await eventually('the twin answers through its Service', () => answers(this.twin('GET', 'stats')));
    }

    /** deploy/kubernetes/apply, and the grant that follows the first migration. What the command printed. */
    async release() {
        const file = this.#write('release.yaml', this.manifests.documents);
        const applied = run(path('../../../deploy/kubernetes/apply'), [file]);
        const granted = eventually('the service’s role is there', async () => {
            const { rows } = await this.database.query("select to_regrole('checkout_service') is not null as found");
            return rows[0].found;
        }).then(() => this.database.query('grant checkout_service to checkout_app'));
        const [{ stdout }] = await Promise.all([applied, granted]);
        return stdout;
    }

    async query(text, values) {
        return (await this.database.query(text, values)).rows;
    }

    /** The twin's control API. */
    twin = async (method, control, body) => {
        const headers = body === undefined ? {} : { 'content-type': 'application/json' };
        const tls = { ca: this.authority.ca, servername: 'clink-twin', checkServerIdentity: () => undefined };
        const answer = await exchange(this.twinBase, {
            method, path: `/control/${control}`, headers, body: body === undefined ? undefined : JSON.stringify(body), tls,
        });
        if (answer.status !== 200) throw new Error(`twin: ${method} ${control}: ${answer.status} ${answer.text}`);
        return JSON.parse(answer.text);
    };

    /** The service, through its Service. */
    async api(method, route, body) {
        const headers = { authorization: `Bearer ${this.token}` };
        if (body) headers['content-type'] = 'application/json';
        const answer = await exchange(this.base, { method, path: route, headers, body: body && JSON.stringify(body) });
        return { ...answer, json: /json/.test(answer.headers['content-type'] ?? '') ? JSON.parse(answer.text) : undefined };
    }

    async end() {
        await this.database?.end();
        this.authority?.remove();
        rmSync(this.directory, { recursive: true, force: true });
    }
}
