// openapi.yaml as a judge: every answer, and every request that was accepted, is held against its operation by Prism's
// validators. What was exercised is written down for the check that follows the suites.
import { appendFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';

import { artifacts, openapiFile } from './environment.js';

const require = createRequire(import.meta.url);
const { getHttpOperationsFromSpec } = require('@stoplight/prism-http');
const { validateInput, validateOutput } = require('@stoplight/prism-http/dist/validator');

const exercisedFile = () => join(artifacts(), 'operations.jsonl');

// OpenAPI has no word for a body that may be missing; the document says it in a sentence.
const mayBeEmpty = new Set(['receiveClinkWebhook']);
const withoutContents = (operation, status) => {
    const responses = operation.responses.map((each) => (each.code === String(status) && status < 300 ? { ...each, contents: [] } : each));
    return { ...operation, responses };
};

export class ContractViolation extends Error {}

let loaded;

export class Contract {
    /** Reads the document, once in a process. */
    static load() {
        loaded ??= Contract.#read();
        return loaded;
    }

    static async #read() {
        const contract = new Contract();
        const operations = await getHttpOperationsFromSpec(openapiFile);
        contract.operations = new Map(operations.map((operation) => [operation.iid, operation]));
        return contract;
    }

    operation(id) {
        const operation = this.operations.get(id);
        if (!operation) throw new Error(`openapi.yaml has no operation ${id}`);
        return operation;
    }

    /** `query` and `headers` are objects of strings, the header names lower case; `body` is parsed or absent. */
    checkRequest(id, { path, query = {}, headers, body }) {
        const operation = this.operation(id);
        const element = { method: operation.method, url: { path, query }, headers, body };
        this.#report(`${id}: the request`, validateInput({ resource: operation, element }));
    }

    checkAnswer(id, { status, headers, json, text }) {
        const documented = this.operation(id);
        const operation = text === '' && mayBeEmpty.has(id) ? withoutContents(documented, status) : documented;
        const body = json ?? (text === '' ? undefined : text);
        const element = { statusCode: status, headers, body };
        this.#report(`${id}: the answer ${status}`, validateOutput({ resource: operation, element }));
        this.#checkMediaType(operation, status, headers['content-type']);
    }

    record(id, status) {
        appendFileSync(exercisedFile(), `${JSON.stringify({ id, status })}\n`);
    }

    // Prism takes application/json where application/problem+json is documented; the contract does not.
    #checkMediaType(operation, status, header) {
        const documented = operation.responses.find(({ code }) => code === String(status));
        const known = (documented?.contents ?? []).map(({ mediaType }) => mediaType);
        if (known.length === 0) return;
        const essence = (header ?? '').split(';')[0].trim().toLowerCase();
        if (!known.includes(essence))
            throw new ContractViolation(`${operation.iid}: ${status} came as "${essence}", documented: ${known.join(', ')}`);
    }

    #report(what, verdict) {
        if (verdict._tag === 'Right') return;
        const faults = verdict.left.map(({ path, message }) => `  ${(path ?? []).join('/')}: ${message}`);
        throw new ContractViolation(`${what} is not what openapi.yaml says:\n${faults.join('\n')}`);
    }
}
