import { existsSync, mkdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** Shorter than the kernel's usual 100 ms, so that a process does not stand still for long. */
const PERIOD_US = 50_000;
const V2 = '/sys/fs/cgroup';
const V1 = ['/sys/fs/cgroup/cpu', '/sys/fs/cgroup/cpu,cpuacct'];

/** Gives the process all cores again. */
export type Release = () => void;

/**
 * Holds a process, all of its threads together, to a share of one core, by the kernel's CPU bandwidth control (a control
 * group of its own: cgroup v2 `cpu.max`, else v1 `cpu.cfs_quota_us`): in each 50 ms it runs for that share, on any core,
 * and then stands still until the next. It is what a container's CPU limit does, so several replicas on one machine are
 * held as they would be on machines of their own, and none takes from another. Priorities (`nice`) and core sets
 * (`taskset`) would have them compete; SIGSTOP and SIGCONT would be late whenever the machine is busy.
 *
 * @param share of one core: 0.2 is a fifth
 * @throws Error where this process may not make control groups: it takes Linux and root
 */
export function holdTo(share: number, pid: number): Release {
  const parent = parentGroup();
  const group = join(parent, `hbf-bench-${pid}`);
  const quota = Math.round(share * PERIOD_US);
  mkdirSync(group);
  if (parent === V2) {
    writeFileSync(join(group, 'cpu.max'), `${quota} ${PERIOD_US}`);
  } else {
    writeFileSync(join(group, 'cpu.cfs_period_us'), String(PERIOD_US));
    writeFileSync(join(group, 'cpu.cfs_quota_us'), String(quota));
  }
  const move = (to: string) => writeFileSync(join(to, 'cgroup.procs'), String(pid));
  move(group);
  return () => {
    if (existsSync(`/proc/${pid}`)) move(parent);
    rmdirSync(group);
  };
}

/** The root of a hierarchy that controls CPU. */
function parentGroup(): string {
  const controllers = join(V2, 'cgroup.controllers');
  if (existsSync(controllers) && readFileSync(controllers, 'utf8').split(/\s/).includes('cpu')) {
    writeFileSync(join(V2, 'cgroup.subtree_control'), '+cpu');
    return V2;
  }
  const found = V1.find((folder) => existsSync(join(folder, 'cpu.cfs_quota_us')));
  if (!found) throw new Error('no control group limits CPU here: run it on Linux, as root');
  return found;
}
