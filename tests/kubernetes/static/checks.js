// All checks by name. A check takes the manifests and the facts, and gives its offences as texts: none, and it holds.
import { podChecks } from './pod_checks.js';
import { referenceChecks } from './reference_checks.js';
import { schemaChecks } from './schema_checks.js';
import { trafficChecks } from './traffic_checks.js';

export const checks = { ...schemaChecks, ...podChecks, ...referenceChecks, ...trafficChecks };
