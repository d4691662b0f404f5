import type { ValueType } from './value-types.js';

/** When a variable must be set. */
export type Required = 'always' | 'in production';

export interface EnvVarOptions {
  /** The text that is parsed when the variable is unset or empty; without one the property is undefined. */
  default?: string;
  required?: Required;
  /** The value appears in no message and no log line. */
  secret?: boolean;
  /** One line for the README's table and .env.example. */
  meaning: string;
}

export interface EnvVarSpec extends EnvVarOptions {
  name: string;
  property: string;
  type: ValueType<unknown>;
}

const registry = new Map<object, EnvVarSpec[]>();

/** Names the environment variable from which a property of a configuration class is read. */
export function EnvVar<T>(name: string, type: ValueType<T>, options: EnvVarOptions) {
  return (target: object, property: string): void => {
    const specs = registry.get(target) ?? [];
    registry.set(target, [...specs, { name, property, type, ...options }]);
  };
}

/** Every variable of a configuration class, in the order in which it declares them. */
export function envVarsOf(configClass: { prototype: object }): readonly EnvVarSpec[] {
  return registry.get(configClass.prototype) ?? [];
}

/** The start is refused; the message lists every bad variable, one a line, and shows no value. */
export class ConfigError extends Error {
  constructor(readonly problems: readonly string[]) {
    super(`the configuration is not usable:\n${problems.map((problem) => `  - ${problem}`).join('\n')}`);
    this.name = 'ConfigError';
  }
}

/** A configuration class may check combinations, after each variable is read; a bad variable is undefined then. */
interface Checked {
  check?(): string[];
}

/**
 * Reads every variable that `config`'s class declares from `env` into `config`. An empty variable counts as unset.
 *
 * @throws ConfigError that names all bad variables at once, so that an operator can correct them together.
 */
export function readEnvironment(config: object, env: NodeJS.ProcessEnv): void {
  const production = env['NODE_ENV'] === 'production';
  const problems: string[] = [];
  for (const spec of registry.get(Object.getPrototypeOf(config) as object) ?? []) {
    const given = env[spec.name]?.trim() || undefined;
    const raw = given ?? spec.default;
    if (raw === undefined) {
      const needed = spec.required === 'always' || (spec.required === 'in production' && production);
      if (needed) problems.push(`${spec.name} is required${spec.required === 'always' ? '' : ' in production'}`);
      continue;
    }
    try {
      Object.defineProperty(config, spec.property, { value: spec.type.parse(raw), enumerable: true, writable: true });
    } catch (error) {
      problems.push(`${spec.name} must be ${(error as Error).message}`);
    }
  }
  problems.push(...((config as Checked).check?.() ?? []).filter((problem) => !alreadyNamed(problem, problems)));
  if (problems.length > 0) throw new ConfigError(problems);
}

function alreadyNamed(problem: string, problems: readonly string[]): boolean {
  const name = problem.split(' ', 1)[0];
  return problems.some((other) => other.startsWith(`${name} `));
}
