// Executes libwheelwork.so for arm64 on the real bionic of Android 6 that unidbg carries, and looks at what it does:
// `cargo xtask android native`. It is no Android: no ART, no kernel of it, no second thread.
//
// 1. The library is loaded, `JNI_OnLoad` answers, and Android's log has the line.
// 2. UniFFI's functions are called as JNA calls them, with the records in UniFFI's own bytes.
// 3. A record comes back, then one goes there; an error comes with its code; a panic stops inside.

import com.github.unidbg.Module;
import com.github.unidbg.Symbol;
import com.github.unidbg.arm.backend.Unicorn2Factory;
import com.github.unidbg.file.FileSystem;
import com.github.unidbg.file.linux.AndroidFileIO;
import com.github.unidbg.file.linux.LinuxFileSystem;
import com.github.unidbg.linux.android.AndroidARM64Emulator;
import com.github.unidbg.linux.android.AndroidResolver;
import com.github.unidbg.linux.android.LogCatHandler;
import com.github.unidbg.linux.android.dvm.BaseVM;
import com.github.unidbg.linux.android.dvm.VM;
import com.github.unidbg.pointer.UnidbgPointer;
import java.io.ByteArrayOutputStream;
import java.io.DataOutputStream;
import java.io.File;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.security.KeyPairGenerator;
import java.security.MessageDigest;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Base64;
import java.util.HexFormat;
import java.util.List;

final class Run {
    private static final int JNI_VERSION_1_6 = 0x00010006;

    /** UniFFI's of 0.32; the generated Kotlin compares it too. */
    private static final int CONTRACT = 30;

    /** Of `RustCallStatus`. */
    private static final int SUCCESS = 0;
    private static final int ERROR = 1;
    private static final int PANIC = 2;

    public static void main(String[] arguments) throws Exception {
        try (Phone phone = new Phone(new File(arguments[1]))) {
            Library library = phone.load(new File(arguments[0]));
            expect("JNI_OnLoad", JNI_VERSION_1_6, library.call("JNI_OnLoad", phone.javaVm(), 0L));
            expect("lines of the log", 1, phone.log.size());
            expect("the log says so", true, phone.log.get(0).startsWith("INFO wheelwork: ")
                && phone.log.get(0).contains("for aarch64 is loaded"));
            expect("UniFFI's contract", CONTRACT, library.call("ffi_wheelwork_uniffi_uniffi_contract_version"));
            records(library);
            error(phone, library);
            panic(phone, library);
            for (String line : phone.log) {
                System.out.println("log   " + line);
            }
        }
    }

    /** A key becomes a record, is kept in a file, and comes back in a list. */
    private static void records(Library library) throws Exception {
        byte[] key = KeyPairGenerator.getInstance("Ed25519").generateKeyPair().getPublic().getEncoded();
        String pem = "-----BEGIN PUBLIC KEY-----\n" + Base64.getEncoder().encodeToString(key)
            + "\n-----END PUBLIC KEY-----\n";
        String folder = "/data/data/dev.wheelwork/files/keys";
        byte[] sum = MessageDigest.getInstance("SHA-256").digest(pem.getBytes(StandardCharsets.UTF_8));
        String fingerprint = HexFormat.of().formatHex(sum);

        Reader trusted = library.rust(SUCCESS, "trust_key", utf8(folder), utf8(pem));
        expect("the record's first field", pem, trusted.text());
        expect("the record's second field", fingerprint, trusted.text());
        Reader all = library.rust(SUCCESS, "trusted_keys", utf8(folder));
        expect("keys in the folder", 1, all.bytes.getInt());
        expect("the same key", pem, all.text());
    }

    /** A record goes there, and the error that it brings has its code. */
    private static void error(Phone phone, Library library) throws IOException {
        String missing = "/data/data/dev.wheelwork/files/none.ortpackage";
        Reader error = library.rust(ERROR, "memory_plan", utf8(missing), openOptions());
        expect("the error's variant", 1, error.bytes.getInt());
        expect("the error's code", "package_io", error.text());
        String log = String.join("\n", phone.log);
        expect("the log has the code", true, log.contains("WARN wheelwork: ") && log.contains("refused: package_io"));
        expect("the log has no path", false, log.contains("none.ortpackage"));
        // The same record cut short is refused, and nothing is read behind its end.
        byte[] options = openOptions();
        Reader cut = library.rust(PANIC, "memory_plan", utf8(missing), Arrays.copyOf(options, options.length - 1));
        expect("what is cut is refused", true, cut.whole().contains("options"));
    }

    /** A buffer that cannot be is a panic in UniFFI, which unwinds to its edge. */
    private static void panic(Phone phone, Library library) {
        int lines = phone.log.size();
        UnidbgPointer status = library.status();
        UnidbgPointer buffer = phone.memory(24);
        buffer.setLong(8, 5);
        library.call("ffi_wheelwork_uniffi_rustbuffer_free", buffer, status);
        expect("a panic arrives as one", PANIC, (int) status.getByte(0));
        String words = library.taken(status.share(8, 24)).whole();
        expect("a panic is one line of the log", lines + 1, phone.log.size());
        String line = phone.log.get(lines);
        expect("it says where", true, line.startsWith("ERROR wheelwork: ") && line.contains("panicked at "));
        expect("and none of its words", false, line.contains(words));
    }

    /** `OpenOptions`, field by field. */
    private static byte[] openOptions() throws IOException {
        Writer options = new Writer();
        options.some().writeInt(4); // device: the CPU
        options.writeBoolean(true); // strict
        options.some().writeInt(2); // threads
        options.none(); // power_saving_threads
        options.some().writeInt(512); // context_length
        options.some().text("{{ messages }}"); // chat_template
        options.some().writeInt(2); // kv_cache: 8-bit integers
        options.writeBoolean(false); // plain
        options.none(); // kernels
        options.none(); // cache_dir
        options.writeLong(1 << 20); // prefix_cache_bytes
        options.writeInt(1); // provider_options
        options.text("name").text("ünïcode");
        options.none(); // trials_dir
        options.none(); // keys_dir
        options.some().writeInt(3); // memory: not looked at
        options.writeBoolean(true); // skip_self_check
        return options.whole();
    }

    private static byte[] utf8(String text) {
        return text.getBytes(StandardCharsets.UTF_8);
    }

    private static void expect(String what, Object expected, Object found) {
        require(what, expected, found);
        System.out.println("pass  " + what);
    }

    private static void require(String what, Object expected, Object found) {
        if (!expected.equals(found)) {
            throw new AssertionError(what + ": " + found + ", expected " + expected);
        }
    }

    /** An emulated device with Android's C library. */
    private static final class Phone implements AutoCloseable {
        final List<String> log = new ArrayList<>();
        private final Emulator emulator;
        private final VM vm;

        Phone(File root) {
            emulator = new Emulator(root, log);
            emulator.getMemory().setLibraryResolver(new AndroidResolver(23));
            vm = emulator.createDalvikVM();
        }

        Library load(File library) {
            return new Library(this, vm.loadLibrary(library, false).getModule());
        }

        long javaVm() {
            return UnidbgPointer.nativeValue(((BaseVM) vm).getJavaVM());
        }

        /** Zeros that nobody frees: the process is short. */
        UnidbgPointer memory(int bytes) {
            UnidbgPointer pointer = emulator.getMemory().malloc(bytes, true).getPointer();
            pointer.setMemory(0, bytes, (byte) 0);
            return pointer;
        }

        @Override
        public void close() throws IOException {
            emulator.close();
        }
    }

    /** unidbg's, with the log in a list: its own keeps none. */
    private static final class Emulator extends AndroidARM64Emulator {
        private final List<String> log;

        Emulator(File root, List<String> log) {
            super("dev.wheelwork", root, List.of(new Unicorn2Factory(false)));
            this.log = log;
        }

        @Override
        protected FileSystem<AndroidFileIO> createFileSystem(File root) {
            return new LinuxFileSystem(this, root) {
                @Override
                public LogCatHandler getLogCatHandler() {
                    return (type, level, tag, text) -> log.add(level.name() + " " + tag + ": " + text);
                }
            };
        }
    }

    /** The library's functions, called by the rules of arm64. */
    private static final class Library {
        private final Phone phone;
        private final Module module;

        Library(Phone phone, Module module) {
            this.phone = phone;
            this.module = module;
        }

        /** A function that gives a number. */
        int call(String name, Object... arguments) {
            Symbol symbol = module.findSymbolByName(name, false);
            if (symbol == null) {
                throw new AssertionError("the library exports no " + name);
            }
            return symbol.call(phone.emulator, arguments).intValue();
        }

        /** A function of ours that takes and gives buffers; it has to end in that code. What it gives, or its error. */
        Reader rust(int code, String name, byte[]... arguments) {
            Object[] passed = new Object[arguments.length + 1];
            for (int i = 0; i < arguments.length; i++) {
                passed[i] = buffer(arguments[i]);
            }
            UnidbgPointer status = status();
            passed[arguments.length] = status;
            UnidbgPointer result = returning("uniffi_wheelwork_uniffi_fn_func_" + name, passed);
            expect(name + " ends with the status " + code, code, (int) status.getByte(0));
            return taken(code == SUCCESS ? result : status.share(8, 24));
        }

        /** An empty `RustCallStatus`. */
        UnidbgPointer status() {
            return phone.memory(32);
        }

        /** What a `RustBuffer` holds; it is freed. */
        Reader taken(UnidbgPointer buffer) {
            int length = (int) buffer.getLong(8);
            byte[] bytes = length == 0 ? new byte[0] : buffer.getPointer(16).getByteArray(0, length);
            UnidbgPointer status = status();
            call("ffi_wheelwork_uniffi_rustbuffer_free", copy(buffer), status);
            require("a buffer is freed", SUCCESS, (int) status.getByte(0));
            return new Reader(ByteBuffer.wrap(bytes));
        }

        /** A `RustBuffer` of Rust's own memory. */
        private UnidbgPointer buffer(byte[] bytes) {
            UnidbgPointer foreign = phone.memory(Math.max(bytes.length, 1));
            foreign.write(0, bytes, 0, bytes.length);
            UnidbgPointer status = status();
            // `ForeignBytes` has 16 bytes and is passed in two registers.
            UnidbgPointer made =
                returning("ffi_wheelwork_uniffi_rustbuffer_from_bytes", (long) bytes.length, foreign, status);
            require("a buffer is made", SUCCESS, (int) status.getByte(0));
            return made;
        }

        /** A function that gives a `RustBuffer`: where it is written to stands in the register x8. */
        private UnidbgPointer returning(String name, Object... arguments) {
            UnidbgPointer result = phone.memory(24);
            phone.emulator.getBackend().reg_write(unicorn.Arm64Const.UC_ARM64_REG_X8, result.peer);
            call(name, arguments);
            return result;
        }

        private UnidbgPointer copy(UnidbgPointer buffer) {
            UnidbgPointer copy = phone.memory(24);
            copy.write(0, buffer.getByteArray(0, 24), 0, 24);
            return copy;
        }
    }

    /** UniFFI's bytes, as they are written. */
    private static final class Writer {
        private final ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        private final DataOutputStream out = new DataOutputStream(bytes);

        Writer some() throws IOException {
            out.writeByte(1);
            return this;
        }

        void none() throws IOException {
            out.writeByte(0);
        }

        void writeInt(int value) throws IOException {
            out.writeInt(value);
        }

        void writeLong(long value) throws IOException {
            out.writeLong(value);
        }

        void writeBoolean(boolean value) throws IOException {
            out.writeBoolean(value);
        }

        Writer text(String text) throws IOException {
            out.writeInt(utf8(text).length);
            out.write(utf8(text));
            return this;
        }

        byte[] whole() {
            return bytes.toByteArray();
        }
    }

    /** UniFFI's bytes, as they are read. */
    private record Reader(ByteBuffer bytes) {
        String text() {
            byte[] text = new byte[bytes.getInt()];
            bytes.get(text);
            return new String(text, StandardCharsets.UTF_8);
        }

        String whole() {
            return new String(bytes.array(), StandardCharsets.UTF_8);
        }
    }
}
