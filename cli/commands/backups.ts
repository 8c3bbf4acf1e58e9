import { defineCommand } from '../command.ts';
export const backups = defineCommand({ name: 'backups', summary: '', description: [], arguments: [], options: {}, examples: [], run: async () => 0 });
