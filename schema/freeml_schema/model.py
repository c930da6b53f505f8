# Generated from schema/model.fbs by schema/regenerate.py (flatc): do not edit.

import flatbuffers
from flatbuffers.compat import import_numpy
np = import_numpy()

class OpKind(object):
    QUANTIZE = 0
    CONV_2D = 1
    DEPTHWISE_CONV_2D = 2
    MAX_POOL_2D = 3
    AVERAGE_POOL_2D = 4
    ADD = 5
    MULTIPLY = 6
    COPY = 7
    FILL = 8


class WeightLayout(object):
    BLOCK_4 = 0


class WeightEncoding(object):
    DENSE_8 = 0
    DENSE_4 = 1
    SPARSE_8 = 2
    SPARSE_4 = 3
    BLOCK_SPARSE_8 = 4
    BLOCK_SPARSE_4 = 5
    OFFSET_8 = 6


class SampleType(object):
    UINT8 = 0
    INT8 = 1
    UINT16 = 2
    INT16 = 3


class OutputTransform(object):
    NONE = 0
    SOFTMAX = 1
    LOG_SOFTMAX = 2
    SIGMOID = 3


class SectionKind(object):
    WEIGHTS = 0


class OpFlag(object):
    COMMIT_LAST = 1
    HAS_LOOKUP = 2
    ADAPTIVE = 4
    SUMS_OUT = 8
    SUMS_IN = 16


class Tensor(object):
    __slots__ = ['_tab']

    @classmethod
    def SizeOf(cls):
        return 16

    # Tensor
    def Init(self, buf, pos):
        self._tab = flatbuffers.table.Table(buf, pos)

    # Tensor
    def Offset(self): return self._tab.Get(flatbuffers.number_types.Uint32Flags, self._tab.Pos + flatbuffers.number_types.UOffsetTFlags.py_type(0))
    # Tensor
    def Height(self): return self._tab.Get(flatbuffers.number_types.Uint16Flags, self._tab.Pos + flatbuffers.number_types.UOffsetTFlags.py_type(4))
    # Tensor
    def Width(self): return self._tab.Get(flatbuffers.number_types.Uint16Flags, self._tab.Pos + flatbuffers.number_types.UOffsetTFlags.py_type(6))
    # Tensor
    def Channels(self): return self._tab.Get(flatbuffers.number_types.Uint16Flags, self._tab.Pos + flatbuffers.number_types.UOffsetTFlags.py_type(8))
    # Tensor
    def ZeroPoint(self): return self._tab.Get(flatbuffers.number_types.Int8Flags, self._tab.Pos + flatbuffers.number_types.UOffsetTFlags.py_type(10))
    # Tensor
    def Reserved(self): return self._tab.Get(flatbuffers.number_types.Uint8Flags, self._tab.Pos + flatbuffers.number_types.UOffsetTFlags.py_type(11))
    # Tensor
    def Scale(self): return self._tab.Get(flatbuffers.number_types.Float32Flags, self._tab.Pos + flatbuffers.number_types.UOffsetTFlags.py_type(12))

def CreateTensor(builder, offset, height, width, channels, zeroPoint, reserved, scale):
    builder.Prep(4, 16)
    builder.PrependFloat32(scale)
    builder.PrependUint8(reserved)
    builder.PrependInt8(zeroPoint)
    builder.PrependUint16(channels)
    builder.PrependUint16(width)
    builder.PrependUint16(height)
    builder.PrependUint32(offset)
    return builder.Offset()


class Op(object):
    __slots__ = ['_tab']

    @classmethod
    def SizeOf(cls):
        return 36

    # Op
    def Init(self, buf, pos):
        self._tab = flatbuffers.table.Table(buf, pos)

    # Op
    def Kind(self): return self._tab.Get(flatbuffers.number_types.Uint8Flags, self._tab.Pos + flatbuffers.number_types.UOffsetTFlags.py_type(0))
    # Op
    def Flags(self): return self._tab.Get(flatbuffers.number_types.Uint8Flags, self._tab.Pos + flatbuffers.number_types.UOffsetTFlags.py_type(1))
    # Op
    def Input(self): return self._tab.Get(flatbuffers.number_types.Uint16Flags, self._tab.Pos + flatbuffers.number_types.UOffsetTFlags.py_type(2))
    # Op
    def Input2(self): return self._tab.Get(flatbuffers.number_types.Uint16Flags, self._tab.Pos + flatbuffers.number_types.UOffsetTFlags.py_type(4))
    # Op
    def Output(self): return self._tab.Get(flatbuffers.number_types.Uint16Flags, self._tab.Pos + flatbuffers.number_types.UOffsetTFlags.py_type(6))
    # Op
    def Attribute(self): return self._tab.Get(flatbuffers.number_types.Uint16Flags, self._tab.Pos + flatbuffers.number_types.UOffsetTFlags.py_type(8))
    # Op
    def TileRows(self): return self._tab.Get(flatbuffers.number_types.Uint16Flags, self._tab.Pos + flatbuffers.number_types.UOffsetTFlags.py_type(10))
    # Op
    def TileColumns(self): return self._tab.Get(flatbuffers.number_types.Uint16Flags, self._tab.Pos + flatbuffers.number_types.UOffsetTFlags.py_type(12))
    # Op
    def TileChannels(self): return self._tab.Get(flatbuffers.number_types.Uint16Flags, self._tab.Pos + flatbuffers.number_types.UOffsetTFlags.py_type(14))
    # Op
    def CommitEvery(self): return self._tab.Get(flatbuffers.number_types.Uint16Flags, self._tab.Pos + flatbuffers.number_types.UOffsetTFlags.py_type(16))
    # Op
    def ActivationMin(self): return self._tab.Get(flatbuffers.number_types.Int8Flags, self._tab.Pos + flatbuffers.number_types.UOffsetTFlags.py_type(18))
    # Op
    def ActivationMax(self): return self._tab.Get(flatbuffers.number_types.Int8Flags, self._tab.Pos + flatbuffers.number_types.UOffsetTFlags.py_type(19))
    # Op
    def LeftShift(self): return self._tab.Get(flatbuffers.number_types.Uint8Flags, self._tab.Pos + flatbuffers.number_types.UOffsetTFlags.py_type(20))
    # Op
    def Encoding(self): return self._tab.Get(flatbuffers.number_types.Uint8Flags, self._tab.Pos + flatbuffers.number_types.UOffsetTFlags.py_type(21))
    # Op
    def Reserved(self): return self._tab.Get(flatbuffers.number_types.Uint16Flags, self._tab.Pos + flatbuffers.number_types.UOffsetTFlags.py_type(22))
    # Op
    def Params(self): return self._tab.Get(flatbuffers.number_types.Uint32Flags, self._tab.Pos + flatbuffers.number_types.UOffsetTFlags.py_type(24))
    # Op
    def ParamsSize(self): return self._tab.Get(flatbuffers.number_types.Uint32Flags, self._tab.Pos + flatbuffers.number_types.UOffsetTFlags.py_type(28))
    # Op
    def Lookup(self): return self._tab.Get(flatbuffers.number_types.Uint32Flags, self._tab.Pos + flatbuffers.number_types.UOffsetTFlags.py_type(32))

def CreateOp(builder, kind, flags, input, input2, output, attribute, tileRows, tileColumns, tileChannels, commitEvery, activationMin, activationMax, leftShift, encoding, reserved, params, paramsSize, lookup):
    builder.Prep(4, 36)
    builder.PrependUint32(lookup)
    builder.PrependUint32(paramsSize)
    builder.PrependUint32(params)
    builder.PrependUint16(reserved)
    builder.PrependUint8(encoding)
    builder.PrependUint8(leftShift)
    builder.PrependInt8(activationMax)
    builder.PrependInt8(activationMin)
    builder.PrependUint16(commitEvery)
    builder.PrependUint16(tileChannels)
    builder.PrependUint16(tileColumns)
    builder.PrependUint16(tileRows)
    builder.PrependUint16(attribute)
    builder.PrependUint16(output)
    builder.PrependUint16(input2)
    builder.PrependUint16(input)
    builder.PrependUint8(flags)
    builder.PrependUint8(kind)
    return builder.Offset()


class Window(object):
    __slots__ = ['_tab']

    @classmethod
    def SizeOf(cls):
        return 18

    # Window
    def Init(self, buf, pos):
        self._tab = flatbuffers.table.Table(buf, pos)

    # Window
    def KernelHeight(self): return self._tab.Get(flatbuffers.number_types.Uint16Flags, self._tab.Pos + flatbuffers.number_types.UOffsetTFlags.py_type(0))
    # Window
    def KernelWidth(self): return self._tab.Get(flatbuffers.number_types.Uint16Flags, self._tab.Pos + flatbuffers.number_types.UOffsetTFlags.py_type(2))
    # Window
    def StrideHeight(self): return self._tab.Get(flatbuffers.number_types.Uint8Flags, self._tab.Pos + flatbuffers.number_types.UOffsetTFlags.py_type(4))
    # Window
    def StrideWidth(self): return self._tab.Get(flatbuffers.number_types.Uint8Flags, self._tab.Pos + flatbuffers.number_types.UOffsetTFlags.py_type(5))
    # Window
    def DilationHeight(self): return self._tab.Get(flatbuffers.number_types.Uint8Flags, self._tab.Pos + flatbuffers.number_types.UOffsetTFlags.py_type(6))
    # Window
    def DilationWidth(self): return self._tab.Get(flatbuffers.number_types.Uint8Flags, self._tab.Pos + flatbuffers.number_types.UOffsetTFlags.py_type(7))
    # Window
    def PadTop(self): return self._tab.Get(flatbuffers.number_types.Uint8Flags, self._tab.Pos + flatbuffers.number_types.UOffsetTFlags.py_type(8))
    # Window
    def PadLeft(self): return self._tab.Get(flatbuffers.number_types.Uint8Flags, self._tab.Pos + flatbuffers.number_types.UOffsetTFlags.py_type(9))
    # Window
    def Groups(self): return self._tab.Get(flatbuffers.number_types.Uint16Flags, self._tab.Pos + flatbuffers.number_types.UOffsetTFlags.py_type(10))
    # Window
    def FirstChannel(self): return self._tab.Get(flatbuffers.number_types.Uint16Flags, self._tab.Pos + flatbuffers.number_types.UOffsetTFlags.py_type(12))
    # Window
    def Channels(self): return self._tab.Get(flatbuffers.number_types.Uint16Flags, self._tab.Pos + flatbuffers.number_types.UOffsetTFlags.py_type(14))
    # Window
    def PoolHeight(self): return self._tab.Get(flatbuffers.number_types.Uint8Flags, self._tab.Pos + flatbuffers.number_types.UOffsetTFlags.py_type(16))
    # Window
    def PoolWidth(self): return self._tab.Get(flatbuffers.number_types.Uint8Flags, self._tab.Pos + flatbuffers.number_types.UOffsetTFlags.py_type(17))

def CreateWindow(builder, kernelHeight, kernelWidth, strideHeight, strideWidth, dilationHeight, dilationWidth, padTop, padLeft, groups, firstChannel, channels, poolHeight, poolWidth):
    builder.Prep(2, 18)
    builder.PrependUint8(poolWidth)
    builder.PrependUint8(poolHeight)
    builder.PrependUint16(channels)
    builder.PrependUint16(firstChannel)
    builder.PrependUint16(groups)
    builder.PrependUint8(padLeft)
    builder.PrependUint8(padTop)
    builder.PrependUint8(dilationWidth)
    builder.PrependUint8(dilationHeight)
    builder.PrependUint8(strideWidth)
    builder.PrependUint8(strideHeight)
    builder.PrependUint16(kernelWidth)
    builder.PrependUint16(kernelHeight)
    return builder.Offset()


class View(object):
    __slots__ = ['_tab']

    @classmethod
    def SizeOf(cls):
        return 40

    # View
    def Init(self, buf, pos):
        self._tab = flatbuffers.table.Table(buf, pos)

    # View
    def Rows(self): return self._tab.Get(flatbuffers.number_types.Uint16Flags, self._tab.Pos + flatbuffers.number_types.UOffsetTFlags.py_type(0))
    # View
    def Columns(self): return self._tab.Get(flatbuffers.number_types.Uint16Flags, self._tab.Pos + flatbuffers.number_types.UOffsetTFlags.py_type(2))
    # View
    def Depth(self): return self._tab.Get(flatbuffers.number_types.Uint16Flags, self._tab.Pos + flatbuffers.number_types.UOffsetTFlags.py_type(4))
    # View
    def Reserved(self): return self._tab.Get(flatbuffers.number_types.Uint16Flags, self._tab.Pos + flatbuffers.number_types.UOffsetTFlags.py_type(6))
    # View
    def SourceOffset(self): return self._tab.Get(flatbuffers.number_types.Uint32Flags, self._tab.Pos + flatbuffers.number_types.UOffsetTFlags.py_type(8))
    # View
    def SourceRow(self): return self._tab.Get(flatbuffers.number_types.Int32Flags, self._tab.Pos + flatbuffers.number_types.UOffsetTFlags.py_type(12))
    # View
    def SourceColumn(self): return self._tab.Get(flatbuffers.number_types.Int32Flags, self._tab.Pos + flatbuffers.number_types.UOffsetTFlags.py_type(16))
    # View
    def SourceDepth(self): return self._tab.Get(flatbuffers.number_types.Int32Flags, self._tab.Pos + flatbuffers.number_types.UOffsetTFlags.py_type(20))
    # View
    def DestinationOffset(self): return self._tab.Get(flatbuffers.number_types.Uint32Flags, self._tab.Pos + flatbuffers.number_types.UOffsetTFlags.py_type(24))
    # View
    def DestinationRow(self): return self._tab.Get(flatbuffers.number_types.Int32Flags, self._tab.Pos + flatbuffers.number_types.UOffsetTFlags.py_type(28))
    # View
    def DestinationColumn(self): return self._tab.Get(flatbuffers.number_types.Int32Flags, self._tab.Pos + flatbuffers.number_types.UOffsetTFlags.py_type(32))
    # View
    def DestinationDepth(self): return self._tab.Get(flatbuffers.number_types.Int32Flags, self._tab.Pos + flatbuffers.number_types.UOffsetTFlags.py_type(36))

def CreateView(builder, rows, columns, depth, reserved, sourceOffset, sourceRow, sourceColumn, sourceDepth, destinationOffset, destinationRow, destinationColumn, destinationDepth):
    builder.Prep(4, 40)
    builder.PrependInt32(destinationDepth)
    builder.PrependInt32(destinationColumn)
    builder.PrependInt32(destinationRow)
    builder.PrependUint32(destinationOffset)
    builder.PrependInt32(sourceDepth)
    builder.PrependInt32(sourceColumn)
    builder.PrependInt32(sourceRow)
    builder.PrependUint32(sourceOffset)
    builder.PrependUint16(reserved)
    builder.PrependUint16(depth)
    builder.PrependUint16(columns)
    builder.PrependUint16(rows)
    return builder.Offset()


class Section(object):
    __slots__ = ['_tab']

    @classmethod
    def SizeOf(cls):
        return 16

    # Section
    def Init(self, buf, pos):
        self._tab = flatbuffers.table.Table(buf, pos)

    # Section
    def Offset(self): return self._tab.Get(flatbuffers.number_types.Uint32Flags, self._tab.Pos + flatbuffers.number_types.UOffsetTFlags.py_type(0))
    # Section
    def Size(self): return self._tab.Get(flatbuffers.number_types.Uint32Flags, self._tab.Pos + flatbuffers.number_types.UOffsetTFlags.py_type(4))
    # Section
    def Crc32(self): return self._tab.Get(flatbuffers.number_types.Uint32Flags, self._tab.Pos + flatbuffers.number_types.UOffsetTFlags.py_type(8))
    # Section
    def Kind(self): return self._tab.Get(flatbuffers.number_types.Uint8Flags, self._tab.Pos + flatbuffers.number_types.UOffsetTFlags.py_type(12))
    # Section
    def Reserved(self): return self._tab.Get(flatbuffers.number_types.Uint8Flags, self._tab.Pos + flatbuffers.number_types.UOffsetTFlags.py_type(13))
    # Section
    def Reserved2(self): return self._tab.Get(flatbuffers.number_types.Uint16Flags, self._tab.Pos + flatbuffers.number_types.UOffsetTFlags.py_type(14))

def CreateSection(builder, offset, size, crc32, kind, reserved, reserved2):
    builder.Prep(4, 16)
    builder.PrependUint16(reserved2)
    builder.PrependUint8(reserved)
    builder.PrependUint8(kind)
    builder.PrependUint32(crc32)
    builder.PrependUint32(size)
    builder.PrependUint32(offset)
    return builder.Offset()


class Exit(object):
    __slots__ = ['_tab']

    @classmethod
    def SizeOf(cls):
        return 12

    # Exit
    def Init(self, buf, pos):
        self._tab = flatbuffers.table.Table(buf, pos)

    # Exit
    def Op(self): return self._tab.Get(flatbuffers.number_types.Uint16Flags, self._tab.Pos + flatbuffers.number_types.UOffsetTFlags.py_type(0))
    # Exit
    def Tensor(self): return self._tab.Get(flatbuffers.number_types.Uint16Flags, self._tab.Pos + flatbuffers.number_types.UOffsetTFlags.py_type(2))
    # Exit
    def Threshold(self): return self._tab.Get(flatbuffers.number_types.Uint8Flags, self._tab.Pos + flatbuffers.number_types.UOffsetTFlags.py_type(4))
    # Exit
    def Reserved(self): return self._tab.Get(flatbuffers.number_types.Uint8Flags, self._tab.Pos + flatbuffers.number_types.UOffsetTFlags.py_type(5))
    # Exit
    def Reserved2(self): return self._tab.Get(flatbuffers.number_types.Uint16Flags, self._tab.Pos + flatbuffers.number_types.UOffsetTFlags.py_type(6))
    # Exit
    def Temperature(self): return self._tab.Get(flatbuffers.number_types.Float32Flags, self._tab.Pos + flatbuffers.number_types.UOffsetTFlags.py_type(8))

def CreateExit(builder, op, tensor, threshold, reserved, reserved2, temperature):
    builder.Prep(4, 12)
    builder.PrependFloat32(temperature)
    builder.PrependUint16(reserved2)
    builder.PrependUint8(reserved)
    builder.PrependUint8(threshold)
    builder.PrependUint16(tensor)
    builder.PrependUint16(op)
    return builder.Offset()


class Model(object):
    __slots__ = ['_tab']

    @classmethod
    def GetRootAs(cls, buf, offset=0):
        n = flatbuffers.encode.Get(flatbuffers.packer.uoffset, buf, offset)
        x = Model()
        x.Init(buf, n + offset)
        return x

    @classmethod
    def GetRootAsModel(cls, buf, offset=0):
        """This method is deprecated. Please switch to GetRootAs."""
        return cls.GetRootAs(buf, offset)
    @classmethod
    def ModelBufferHasIdentifier(cls, buf, offset, size_prefixed=False):
        return flatbuffers.util.BufferHasIdentifier(buf, offset, b"\x46\x4D\x4C\x31", size_prefixed=size_prefixed)

    # Model
    def Init(self, buf, pos):
        self._tab = flatbuffers.table.Table(buf, pos)

    # Model
    def Version(self):
        o = flatbuffers.number_types.UOffsetTFlags.py_type(self._tab.Offset(4))
        if o != 0:
            return self._tab.Get(flatbuffers.number_types.Uint16Flags, o + self._tab.Pos)
        return 0

    # Model
    def WeightLayout(self):
        o = flatbuffers.number_types.UOffsetTFlags.py_type(self._tab.Offset(6))
        if o != 0:
            return self._tab.Get(flatbuffers.number_types.Uint8Flags, o + self._tab.Pos)
        return 0

    # Model
    def SampleType(self):
        o = flatbuffers.number_types.UOffsetTFlags.py_type(self._tab.Offset(8))
        if o != 0:
            return self._tab.Get(flatbuffers.number_types.Uint8Flags, o + self._tab.Pos)
        return 0

    # Model
    def OutputTransform(self):
        o = flatbuffers.number_types.UOffsetTFlags.py_type(self._tab.Offset(10))
        if o != 0:
            return self._tab.Get(flatbuffers.number_types.Uint8Flags, o + self._tab.Pos)
        return 0

    # Model
    def Output(self):
        o = flatbuffers.number_types.UOffsetTFlags.py_type(self._tab.Offset(12))
        if o != 0:
            return self._tab.Get(flatbuffers.number_types.Uint16Flags, o + self._tab.Pos)
        return 0

    # Model
    def ArenaSize(self):
        o = flatbuffers.number_types.UOffsetTFlags.py_type(self._tab.Offset(14))
        if o != 0:
            return self._tab.Get(flatbuffers.number_types.Uint32Flags, o + self._tab.Pos)
        return 0

    # Model
    def SampleOffset(self):
        o = flatbuffers.number_types.UOffsetTFlags.py_type(self._tab.Offset(16))
        if o != 0:
            return self._tab.Get(flatbuffers.number_types.Uint32Flags, o + self._tab.Pos)
        return 0

    # Model
    def SampleSize(self):
        o = flatbuffers.number_types.UOffsetTFlags.py_type(self._tab.Offset(18))
        if o != 0:
            return self._tab.Get(flatbuffers.number_types.Uint32Flags, o + self._tab.Pos)
        return 0

    # Model
    def Sections(self, j):
        o = flatbuffers.number_types.UOffsetTFlags.py_type(self._tab.Offset(20))
        if o != 0:
            x = self._tab.Vector(o)
            x += flatbuffers.number_types.UOffsetTFlags.py_type(j) * 16
            obj = Section()
            obj.Init(self._tab.Bytes, x)
            return obj
        return None

    # Model
    def SectionsLength(self):
        o = flatbuffers.number_types.UOffsetTFlags.py_type(self._tab.Offset(20))
        if o != 0:
            return self._tab.VectorLen(o)
        return 0

    # Model
    def SectionsIsNone(self):
        o = flatbuffers.number_types.UOffsetTFlags.py_type(self._tab.Offset(20))
        return o == 0

    # Model
    def Tensors(self, j):
        o = flatbuffers.number_types.UOffsetTFlags.py_type(self._tab.Offset(22))
        if o != 0:
            x = self._tab.Vector(o)
            x += flatbuffers.number_types.UOffsetTFlags.py_type(j) * 16
            obj = Tensor()
            obj.Init(self._tab.Bytes, x)
            return obj
        return None

    # Model
    def TensorsLength(self):
        o = flatbuffers.number_types.UOffsetTFlags.py_type(self._tab.Offset(22))
        if o != 0:
            return self._tab.VectorLen(o)
        return 0

    # Model
    def TensorsIsNone(self):
        o = flatbuffers.number_types.UOffsetTFlags.py_type(self._tab.Offset(22))
        return o == 0

    # Model
    def Ops(self, j):
        o = flatbuffers.number_types.UOffsetTFlags.py_type(self._tab.Offset(24))
        if o != 0:
            x = self._tab.Vector(o)
            x += flatbuffers.number_types.UOffsetTFlags.py_type(j) * 36
            obj = Op()
            obj.Init(self._tab.Bytes, x)
            return obj
        return None

    # Model
    def OpsLength(self):
        o = flatbuffers.number_types.UOffsetTFlags.py_type(self._tab.Offset(24))
        if o != 0:
            return self._tab.VectorLen(o)
        return 0

    # Model
    def OpsIsNone(self):
        o = flatbuffers.number_types.UOffsetTFlags.py_type(self._tab.Offset(24))
        return o == 0

    # Model
    def Windows(self, j):
        o = flatbuffers.number_types.UOffsetTFlags.py_type(self._tab.Offset(26))
        if o != 0:
            x = self._tab.Vector(o)
            x += flatbuffers.number_types.UOffsetTFlags.py_type(j) * 18
            obj = Window()
            obj.Init(self._tab.Bytes, x)
            return obj
        return None

    # Model
    def WindowsLength(self):
        o = flatbuffers.number_types.UOffsetTFlags.py_type(self._tab.Offset(26))
        if o != 0:
            return self._tab.VectorLen(o)
        return 0

    # Model
    def WindowsIsNone(self):
        o = flatbuffers.number_types.UOffsetTFlags.py_type(self._tab.Offset(26))
        return o == 0

    # Model
    def Views(self, j):
        o = flatbuffers.number_types.UOffsetTFlags.py_type(self._tab.Offset(28))
        if o != 0:
            x = self._tab.Vector(o)
            x += flatbuffers.number_types.UOffsetTFlags.py_type(j) * 40
            obj = View()
            obj.Init(self._tab.Bytes, x)
            return obj
        return None

    # Model
    def ViewsLength(self):
        o = flatbuffers.number_types.UOffsetTFlags.py_type(self._tab.Offset(28))
        if o != 0:
            return self._tab.VectorLen(o)
        return 0

    # Model
    def ViewsIsNone(self):
        o = flatbuffers.number_types.UOffsetTFlags.py_type(self._tab.Offset(28))
        return o == 0

    # Model
    def SampleShape(self, j):
        o = flatbuffers.number_types.UOffsetTFlags.py_type(self._tab.Offset(30))
        if o != 0:
            a = self._tab.Vector(o)
            return self._tab.Get(flatbuffers.number_types.Uint16Flags, a + flatbuffers.number_types.UOffsetTFlags.py_type(j * 2))
        return 0

    # Model
    def SampleShapeAsNumpy(self):
        o = flatbuffers.number_types.UOffsetTFlags.py_type(self._tab.Offset(30))
        if o != 0:
            return self._tab.GetVectorAsNumpy(flatbuffers.number_types.Uint16Flags, o)
        return 0

    # Model
    def SampleShapeLength(self):
        o = flatbuffers.number_types.UOffsetTFlags.py_type(self._tab.Offset(30))
        if o != 0:
            return self._tab.VectorLen(o)
        return 0

    # Model
    def SampleShapeIsNone(self):
        o = flatbuffers.number_types.UOffsetTFlags.py_type(self._tab.Offset(30))
        return o == 0

    # Model
    def InputScale(self, j):
        o = flatbuffers.number_types.UOffsetTFlags.py_type(self._tab.Offset(32))
        if o != 0:
            a = self._tab.Vector(o)
            return self._tab.Get(flatbuffers.number_types.Float32Flags, a + flatbuffers.number_types.UOffsetTFlags.py_type(j * 4))
        return 0

    # Model
    def InputScaleAsNumpy(self):
        o = flatbuffers.number_types.UOffsetTFlags.py_type(self._tab.Offset(32))
        if o != 0:
            return self._tab.GetVectorAsNumpy(flatbuffers.number_types.Float32Flags, o)
        return 0

    # Model
    def InputScaleLength(self):
        o = flatbuffers.number_types.UOffsetTFlags.py_type(self._tab.Offset(32))
        if o != 0:
            return self._tab.VectorLen(o)
        return 0

    # Model
    def InputScaleIsNone(self):
        o = flatbuffers.number_types.UOffsetTFlags.py_type(self._tab.Offset(32))
        return o == 0

    # Model
    def InputOffset(self, j):
        o = flatbuffers.number_types.UOffsetTFlags.py_type(self._tab.Offset(34))
        if o != 0:
            a = self._tab.Vector(o)
            return self._tab.Get(flatbuffers.number_types.Float32Flags, a + flatbuffers.number_types.UOffsetTFlags.py_type(j * 4))
        return 0

    # Model
    def InputOffsetAsNumpy(self):
        o = flatbuffers.number_types.UOffsetTFlags.py_type(self._tab.Offset(34))
        if o != 0:
            return self._tab.GetVectorAsNumpy(flatbuffers.number_types.Float32Flags, o)
        return 0

    # Model
    def InputOffsetLength(self):
        o = flatbuffers.number_types.UOffsetTFlags.py_type(self._tab.Offset(34))
        if o != 0:
            return self._tab.VectorLen(o)
        return 0

    # Model
    def InputOffsetIsNone(self):
        o = flatbuffers.number_types.UOffsetTFlags.py_type(self._tab.Offset(34))
        return o == 0

    # Model
    def InputRepeat(self):
        o = flatbuffers.number_types.UOffsetTFlags.py_type(self._tab.Offset(36))
        if o != 0:
            return self._tab.Get(flatbuffers.number_types.Uint32Flags, o + self._tab.Pos)
        return 0

    # Model
    def Name(self):
        o = flatbuffers.number_types.UOffsetTFlags.py_type(self._tab.Offset(38))
        if o != 0:
            return self._tab.String(o + self._tab.Pos)
        return None

    # Model
    def Target(self):
        o = flatbuffers.number_types.UOffsetTFlags.py_type(self._tab.Offset(40))
        if o != 0:
            return self._tab.String(o + self._tab.Pos)
        return None

    # Model
    def Exits(self, j):
        o = flatbuffers.number_types.UOffsetTFlags.py_type(self._tab.Offset(42))
        if o != 0:
            x = self._tab.Vector(o)
            x += flatbuffers.number_types.UOffsetTFlags.py_type(j) * 12
            obj = Exit()
            obj.Init(self._tab.Bytes, x)
            return obj
        return None

    # Model
    def ExitsLength(self):
        o = flatbuffers.number_types.UOffsetTFlags.py_type(self._tab.Offset(42))
        if o != 0:
            return self._tab.VectorLen(o)
        return 0

    # Model
    def ExitsIsNone(self):
        o = flatbuffers.number_types.UOffsetTFlags.py_type(self._tab.Offset(42))
        return o == 0

def ModelStart(builder): builder.StartObject(20)
def ModelAddVersion(builder, version): builder.PrependUint16Slot(0, version, 0)
def ModelAddWeightLayout(builder, weightLayout): builder.PrependUint8Slot(1, weightLayout, 0)
def ModelAddSampleType(builder, sampleType): builder.PrependUint8Slot(2, sampleType, 0)
def ModelAddOutputTransform(builder, outputTransform): builder.PrependUint8Slot(3, outputTransform, 0)
def ModelAddOutput(builder, output): builder.PrependUint16Slot(4, output, 0)
def ModelAddArenaSize(builder, arenaSize): builder.PrependUint32Slot(5, arenaSize, 0)
def ModelAddSampleOffset(builder, sampleOffset): builder.PrependUint32Slot(6, sampleOffset, 0)
def ModelAddSampleSize(builder, sampleSize): builder.PrependUint32Slot(7, sampleSize, 0)
def ModelAddSections(builder, sections): builder.PrependUOffsetTRelativeSlot(8, flatbuffers.number_types.UOffsetTFlags.py_type(sections), 0)
def ModelStartSectionsVector(builder, numElems): return builder.StartVector(16, numElems, 4)
def ModelAddTensors(builder, tensors): builder.PrependUOffsetTRelativeSlot(9, flatbuffers.number_types.UOffsetTFlags.py_type(tensors), 0)
def ModelStartTensorsVector(builder, numElems): return builder.StartVector(16, numElems, 4)
def ModelAddOps(builder, ops): builder.PrependUOffsetTRelativeSlot(10, flatbuffers.number_types.UOffsetTFlags.py_type(ops), 0)
def ModelStartOpsVector(builder, numElems): return builder.StartVector(36, numElems, 4)
def ModelAddWindows(builder, windows): builder.PrependUOffsetTRelativeSlot(11, flatbuffers.number_types.UOffsetTFlags.py_type(windows), 0)
def ModelStartWindowsVector(builder, numElems): return builder.StartVector(18, numElems, 2)
def ModelAddViews(builder, views): builder.PrependUOffsetTRelativeSlot(12, flatbuffers.number_types.UOffsetTFlags.py_type(views), 0)
def ModelStartViewsVector(builder, numElems): return builder.StartVector(40, numElems, 4)
def ModelAddSampleShape(builder, sampleShape): builder.PrependUOffsetTRelativeSlot(13, flatbuffers.number_types.UOffsetTFlags.py_type(sampleShape), 0)
def ModelStartSampleShapeVector(builder, numElems): return builder.StartVector(2, numElems, 2)
def ModelAddInputScale(builder, inputScale): builder.PrependUOffsetTRelativeSlot(14, flatbuffers.number_types.UOffsetTFlags.py_type(inputScale), 0)
def ModelStartInputScaleVector(builder, numElems): return builder.StartVector(4, numElems, 4)
def ModelAddInputOffset(builder, inputOffset): builder.PrependUOffsetTRelativeSlot(15, flatbuffers.number_types.UOffsetTFlags.py_type(inputOffset), 0)
def ModelStartInputOffsetVector(builder, numElems): return builder.StartVector(4, numElems, 4)
def ModelAddInputRepeat(builder, inputRepeat): builder.PrependUint32Slot(16, inputRepeat, 0)
def ModelAddName(builder, name): builder.PrependUOffsetTRelativeSlot(17, flatbuffers.number_types.UOffsetTFlags.py_type(name), 0)
def ModelAddTarget(builder, target): builder.PrependUOffsetTRelativeSlot(18, flatbuffers.number_types.UOffsetTFlags.py_type(target), 0)
def ModelAddExits(builder, exits): builder.PrependUOffsetTRelativeSlot(19, flatbuffers.number_types.UOffsetTFlags.py_type(exits), 0)
def ModelStartExitsVector(builder, numElems): return builder.StartVector(12, numElems, 4)
def ModelEnd(builder): return builder.EndObject()


