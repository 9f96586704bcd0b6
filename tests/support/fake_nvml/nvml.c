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
