import { execFileSync } from 'node:child_process';

/** Tests on the real kernel start the programs as users do: they need the build. */
export default function setup(): void {
  execFileSync('npm', ['run', '--silent', 'build'], { stdio: 'inherit' });
}
