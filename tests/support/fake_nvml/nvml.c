/* A stand-in for libnvidia-ml.so.1. FAKE_NVML_COUNT, _INIT (error code of init), _BROKEN (a GPU that
   cannot be opened) and _NO_MEMORY (any value: memory is not supported) say what it reports. */
#include <stdio.h>
#include <stdlib.h>

static int number(const char *name) {
    const char *value = getenv(name);
    return value ? atoi(value) : 0;
}

static int say(char *out, unsigned size, const char *form, int index) {
    snprintf(out, size, form, index);
    return 0;
}

int nvmlInit_v2(void) { return number("FAKE_NVML_INIT"); }
int nvmlInitWithFlags(unsigned flags) { (void)flags; return number("FAKE_NVML_INIT"); }
int nvmlShutdown(void) { return 0; }
const char *nvmlErrorString(int code) { return code == 18 ? "Driver/library version mismatch" : "an error of the stub"; }
int nvmlSystemGetDriverVersion(char *out, unsigned size) { return say(out, size, "570.86.%d", 15); }
int nvmlDeviceGetCount_v2(unsigned *count) { *count = (unsigned)number("FAKE_NVML_COUNT"); return 0; }

int nvmlDeviceGetHandleByIndex_v2(unsigned index, void **handle) {
    if (getenv("FAKE_NVML_BROKEN") && (int)index == number("FAKE_NVML_BROKEN")) return 15;
    *handle = (void *)(size_t)(index + 1);
    return 0;
}

int nvmlDeviceGetName(void *handle, char *out, unsigned size) { (void)handle; return say(out, size, "NVIDIA Stub %d000", 9); }
int nvmlDeviceGetUUID(void *handle, char *out, unsigned size) { return say(out, size, "GPU-0000000%d", (int)(size_t)handle); }

int nvmlDeviceGetMemoryInfo(void *handle, unsigned long long *memory) {
    (void)handle;
    if (getenv("FAKE_NVML_NO_MEMORY")) return 3;
    memory[0] = 80ULL << 30;
    memory[1] = 79ULL << 30;
    memory[2] = 1ULL << 30;
    return 0;
}

/* FAKE_NVML_PID: a process on the first GPU, of unknown memory with FAKE_NVML_NO_SIZE; without it
   what works there is unknown. FAKE_NVML_MIG: cut into instances. */
typedef struct { unsigned pid; unsigned long long memory; unsigned instance, compute; } process_t;

int nvmlDeviceGetUtilizationRates(void *handle, unsigned *rates) {
    (void)handle;
    if (!getenv("FAKE_NVML_PID")) return 3;
    rates[0] = 0;
    rates[1] = 0;
    return 0;
}

int nvmlDeviceGetPowerUsage(void *handle, unsigned *milliwatts) {
    (void)handle;
    *milliwatts = 70400;
    return 0;
}

int nvmlDeviceGetMigMode(void *handle, unsigned *now, unsigned *next) {
    (void)handle;
    if (!getenv("FAKE_NVML_MIG")) return 3;
    *now = *next = 1;
    return 0;
}

int nvmlDeviceGetComputeRunningProcesses_v3(void *handle, unsigned *count, process_t *found) {
    unsigned room = *count, there = (size_t)handle == 1 && getenv("FAKE_NVML_PID") ? 1 : 0;
    *count = there;
    if (room < there) return 7;
    if (there) {
        found[0].pid = (unsigned)number("FAKE_NVML_PID");
        found[0].memory = getenv("FAKE_NVML_NO_SIZE") ? ~0ULL : 40ULL << 30;
        found[0].instance = found[0].compute = 0;
    }
    return 0;
}
