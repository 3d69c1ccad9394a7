/* A driver's management library of one GPU, as far as harness.gpu asks: a stand-in for libnvidia-ml.so.1.
 * The file that FAKE_NVML names holds the free memory in MB, the total, the process that computes (0: none), and perhaps
 * the use in per cent and the temperature; no such file means that the GPU is lost. Signatures and codes: NVIDIA's nvml.h.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SUCCESS 0
#define ERROR_NOT_SUPPORTED 3
#define ERROR_NOT_FOUND 6
#define ERROR_INSUFFICIENT_SIZE 7
#define ERROR_GPU_IS_LOST 15

typedef struct { unsigned long long total, free, used; } Memory;
typedef struct { unsigned int gpu, memory; } Utilization;
typedef struct { unsigned int pid; unsigned long long used; unsigned int gpu, compute; } Process;

static int state(unsigned long long *free_mb, unsigned long long *total_mb, unsigned int *pid) {
    FILE *file = fopen(getenv("FAKE_NVML"), "r");
    if (!file) return ERROR_GPU_IS_LOST;
    int n = fscanf(file, "%llu %llu %u", free_mb, total_mb, pid);
    fclose(file);
    return n == 3 ? SUCCESS : ERROR_GPU_IS_LOST;
}

int nvmlInitWithFlags(unsigned int flags) { return SUCCESS; }
const char *nvmlErrorString(int code) { return "an error"; }

int nvmlDeviceGetHandleByUUID(const char *uuid, void **device) {
    *device = device;
    return strcmp(uuid, "GPU-of-the-test") ? ERROR_NOT_FOUND : SUCCESS;
}

int nvmlDeviceGetMemoryInfo(void *device, Memory *memory) {
    unsigned int pid;
    int code = state(&memory->free, &memory->total, &pid);
    memory->free <<= 20, memory->total <<= 20, memory->used = memory->total - memory->free;
    return code;
}

int nvmlDeviceGetComputeRunningProcesses_v3(void *device, unsigned int *count, Process *processes) {
    unsigned long long free_mb, total_mb;
    unsigned int pid, room = *count;
    if (state(&free_mb, &total_mb, &pid)) return ERROR_GPU_IS_LOST;
    *count = pid ? 1 : 0;
    if (!pid) return SUCCESS;
    if (!processes || room < 1) return ERROR_INSUFFICIENT_SIZE;
    memset(processes, 0, sizeof *processes);
    processes[0].pid = pid;
    return SUCCESS;
}

static int more(unsigned int *use, unsigned int *heat) {
    unsigned long long free_mb, total_mb;
    unsigned int pid;
    FILE *file = fopen(getenv("FAKE_NVML"), "r");
    if (!file) return ERROR_GPU_IS_LOST;
    int n = fscanf(file, "%llu %llu %u %u %u", &free_mb, &total_mb, &pid, use, heat);
    fclose(file);
    return n == 5 ? SUCCESS : ERROR_NOT_SUPPORTED;
}

int nvmlDeviceGetUtilizationRates(void *device, Utilization *found) {
    unsigned int heat;
    found->memory = 0;
    return more(&found->gpu, &heat);
}

int nvmlDeviceGetTemperature(void *device, int sensor, unsigned int *heat) {
    unsigned int use;
    return more(&use, heat);
}
