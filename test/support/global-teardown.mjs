export default async function () {
  await globalThis.__MONGODB__?.stop();
}
